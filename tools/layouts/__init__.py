"""Measure layouts of vLLM side by side: models without weights, command lines of the planner, real accelerators."""
