"""Time spans on the command line: 30m, 1h, 2d."""

import re

from inferfleet.messages import N_, Problem

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MAX_SECONDS = 366 * 86400


def seconds_of(text: str) -> int | None:
    """Return the seconds of a time span; None if it is not one, or not between a second and a year."""
    found = re.fullmatch(r"(\d{1,8})([smhd]?)", text.strip())
    seconds = int(found[1]) * _UNITS[found[2] or "s"] if found else 0
    return seconds if 0 < seconds <= _MAX_SECONDS else None


def wrong_span(text: str) -> Problem:
    """Return the problem of a value of --since that is not a time span."""
    return Problem("usage", N_("Option --since is '{value}'."), N_("Give a time such as 30m, 1h or 2d."), value=text)
