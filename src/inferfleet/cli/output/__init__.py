"""Output of a run: progress views, rows, summary and reports, independent of the command."""
