"""Programs that run on all nodes as long as a command shows their output: one connection per node, kept open."""

from inferfleet.sessions.connect import Session, open_session
from inferfleet.sessions.merge import Entry, Ordered
from inferfleet.sessions.stream import Ended, Line, Streams

__all__ = ["Ended", "Entry", "Line", "Ordered", "Session", "Streams", "open_session"]
