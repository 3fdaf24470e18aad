"""Output on terminals and into files that take fewer characters than we print."""

import codecs
import io
import sys

_STAND_INS = {"×": "x", "…": "...", "–": "-", "→": "->", "·": "-"}


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    """Return ASCII for the characters that could not be written: what looks alike, or their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(_STAND_INS.get(c) or c.encode("ascii", "backslashreplace").decode() for c in wrong), error.end


codecs.register_error("inferfleet-stand-in", _stand_in)


def never_fail_to_write() -> None:
    """Let standard output and error replace what their encoding lacks instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="inferfleet-stand-in")
