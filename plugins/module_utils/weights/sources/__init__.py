"""Sources of weights: each fetches one file into a `Sink` (see sink.py) or raises `SourceError`."""
