"""How a run is shown, for any command: views, rows, summary and reports; nothing here knows a command."""
