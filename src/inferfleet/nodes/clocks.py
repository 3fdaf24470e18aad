"""Clock skew between nodes, measured from the controller."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from inferfleet.messages import N_, Problem


def clock_skew(measured: Mapping[str, Mapping[str, Any]], most: float) -> Problem | None:
    """Return the two clocks that certainly differ by more than `most` seconds; None if there are none.

    `measured` maps hosts to `offset` from the controller's clock and `uncertainty`, both in seconds.
    """
    measurable = {host: one for host, one in measured.items() if "offset" in one}
    known = sorted((float(one["offset"]), float(one["uncertainty"]), host) for host, one in measurable.items())
    if len(known) < 2:
        return None
    (slow, slow_by, first), (fast, fast_by, last) = known[0], known[-1]
    skew = fast - slow - slow_by - fast_by
    if skew <= most:
        return None
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(known)]
    # Of three or more clocks, the one furthest from the others is at fault; of two, the one that differs from the
    # controller's if the other does not.
    off = [host for offset, uncertainty, host in known if abs(offset) - uncertainty > most]
    odd = (off if len(off) == 1 else [first, last]) if len(known) == 2 else first if max(gaps) == gaps[0] else last
    return Problem(
        "clock-skew",
        N_("The clocks of {first} and {last} differ by at least {skew} s; node_baseline_clock_skew_max is {most}."),
        N_("Run `timedatectl` and `chronyc tracking` on {odd}: all nodes must use the same time source."),
        first=first,
        last=last,
        skew=f"{skew:.1f}",
        most=f"{most:g}",
        odd=odd,
    )
