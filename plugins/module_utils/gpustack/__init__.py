"""Shared code of the modules for GPUStack."""
