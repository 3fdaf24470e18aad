"""Whether the clocks of several nodes agree, as far as a controller can know."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from inferfleet.messages import N_, Problem


def clock_skew(measured: Mapping[str, Mapping[str, Any]], most: float) -> Problem | None:
    """Return which two clocks differ by more than `most` seconds for sure; None when none do.

    `measured` maps hosts to `offset` from the controller's clock and `uncertainty`, both in seconds.
    """
    told = {host: one for host, one in measured.items() if "offset" in one}
    known = sorted((float(one["offset"]), float(one["uncertainty"]), host) for host, one in told.items())
    if len(known) < 2:
        return None
    (slow, slow_by, first), (fast, fast_by, last) = known[0], known[-1]
    skew = fast - slow - slow_by - fast_by
    if skew <= most:
        return None
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(known)]
    # Of three and more, the one that stands alone is the one to look at.
    odd = [first, last] if len(known) == 2 else first if max(gaps) == gaps[0] else last
    return Problem(
        "clock-skew",
        N_("The clocks of {first} and {last} differ by at least {skew} s; node_baseline_clock_skew_max is {most}."),
        N_("Look at `timedatectl` and `chronyc tracking` on {odd}: all nodes must follow the same time source."),
        first=first,
        last=last,
        skew=f"{skew:.1f}",
        most=f"{most:g}",
        odd=odd,
    )
