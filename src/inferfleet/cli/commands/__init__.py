"""One file a command; each registers itself as `COMMAND`, and nothing else names it."""
