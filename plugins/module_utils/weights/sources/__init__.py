"""Where weights come from: each source fetches one file into a `Sink` (see sink.py) or raises `SourceError`."""
