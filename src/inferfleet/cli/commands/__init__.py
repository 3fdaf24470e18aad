"""One module per command; each defines `COMMAND`, and no other module lists it."""
