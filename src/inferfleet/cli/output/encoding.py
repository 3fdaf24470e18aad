"""Output to terminals and files whose encoding lacks some of the printed characters."""

import codecs
import io
import sys

_REPLACEMENTS = {"×": "x", "…": "...", "–": "-", "→": "->", "·": "-"}


def _replacement(error: UnicodeError) -> tuple[str, int]:
    """Return ASCII for characters that cannot be encoded: a similar character, or the escaped code point."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(
        _REPLACEMENTS.get(c) or c.encode("ascii", "backslashreplace").decode() for c in characters
    ), error.end


codecs.register_error("inferfleet-replace", _replacement)


def replace_unencodable_output() -> None:
    """Let standard output and error replace characters that their encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="inferfleet-replace")
