"""Scheduling of downloads: pure functions over the states that the nodes report.

A node's view of a peer is a dict: `verified` (bits, one per file), `partial` (file -> bits of its pieces), `fetching`
(files it is fetching over the WAN), `failed` (file -> cause), `backing_off` (file -> cause, of unresponsive sources
that it will try again), `alive` (whether it responded recently).
"""

from __future__ import annotations

from ansible.module_utils.messages import N_, Message

SAMPLE = 16
"""Number of pieces sampled to find the rarest one: enough to spread the pieces."""


def assign(sizes, nodes):
    """Divide files among the WAN nodes: the largest first, each to the node with the fewest bytes so far.

    `sizes` is a list of bytes by file number. Returns node -> file numbers in the order to fetch them.
    """
    plan: dict[str, list[int]] = {node: [] for node in nodes}
    load = dict.fromkeys(nodes, 0)
    for number in sorted(range(len(sizes)), key=lambda n: (-sizes[n], n)):
        if not nodes:
            break
        node = min(nodes, key=lambda n: (load[n], nodes.index(n)))
        plan[node].append(number)
        load[node] += sizes[number]
    return plan


def next_fetch(me, plan, sizes, mine, peers):
    """Return (file, owner) of the file that node `me` should fetch over the WAN now; None if there is none.

    `mine` is the node's own state: `verified`, `complete` (bits: all pieces present), `fetching`, `failed`,
    `backing_off` and `handed_over` (file -> node that was allowed to fetch it instead). A node's own files come first
    (`owner` is `me`). An idle node takes a file that has not been started, from the end of the longest list; its owner
    must allow it. The files of an unresponsive node pass to the first responsive node in the order (`owner` is `me`).
    """
    held, started = mine["verified"] | mine["complete"], set(mine["fetching"])
    for peer in peers.values():
        if peer["alive"]:
            held |= peer["verified"]
            started |= peer["fetching"]

    def open_of(node):
        return [n for n in plan.get(node, ()) if not held >> n & 1 and n not in started and not _cannot_fetch(mine, n)]

    def handed_over(number):
        taker = peers.get(mine["handed_over"].get(number, ""))
        return bool(taker and taker["alive"] and not _cannot_fetch(taker, number))

    own = [n for n in open_of(me) if not handed_over(n)]
    if own:
        return own[0], me
    alive = [node for node in plan if node == me or peers.get(node, {"alive": False})["alive"]]
    if alive and alive[0] == me:
        orphans = [n for node in plan if node not in alive for n in open_of(node)]
        if orphans:
            return orphans[0], me
    others = [(open_of(node), node) for node in alive if node != me]
    numbers, owner = max(others, key=lambda o: sum(sizes[n] for n in o[0]), default=([], me))
    return (numbers[-1], owner) if numbers else None


def may_take(number, node, mine, peers):
    """Return whether `node` may fetch a file of this node: it has not been started or handed to another node."""
    if (mine["verified"] | mine["complete"]) >> number & 1 or number in mine["fetching"]:
        return False
    taker = mine["handed_over"].get(number, node)
    alive = taker in peers and peers[taker]["alive"] and not _cannot_fetch(peers[taker], number)
    return taker == node or not alive


def _cannot_fetch(node, number):
    """Return whether a node cannot fetch a file, for good or for now."""
    return number in node["failed"] or number in node["backing_off"]


def must_yield(me, number, order, peers):
    """Return whether another node has the file that `me` fetches, or one earlier in `order` is fetching it."""
    return any(
        peer["alive"]
        and (peer["verified"] >> number & 1 or (number in peer["fetching"] and order.index(node) < order.index(me)))
        for node, peer in peers.items()
        if node in order
    )


def choose_piece(wanted, peers, busy, random, per_peer=2):
    """Return (peer, file, piece) to request next; None if no peer offers a wanted piece.

    `wanted` maps file -> bits that are neither present nor in flight; `peers` node -> (function file -> bits held);
    `busy` node -> number of pieces in flight from it. The rarest piece goes first, so that it spreads quickly.
    """
    for node in sorted(
        (n for n in peers if busy.get(n, 0) < per_peer), key=lambda n: (busy.get(n, 0), random.random())
    ):
        offers = [(number, bits & peers[node](number)) for number, bits in wanted.items()]
        offers = [(number, bits) for number, bits in offers if bits]
        if not offers:
            continue
        chosen = [random.choice(offers) for _ in range(SAMPLE)]
        sample = [_pick(number, bits, random) for number, bits in chosen]
        number, piece = min(sample, key=lambda c: sum(has(c[0]) >> c[1] & 1 for has in peers.values()))
        return node, number, piece
    return None


def _pick(number, bits, random):
    """Return a random piece of those that are set, about uniformly."""
    start = random.randrange(bits.bit_length())
    above = bits >> start
    if above:
        return number, start + (above & -above).bit_length() - 1
    return number, (bits & -bits).bit_length() - 1


def rate_share(total, nodes):
    """Return the share of the cluster's rate limit for one of `nodes` WAN nodes; 0: no limit."""
    return total / max(1, nodes) if total else 0


def failure_reason(number, name, mine, peers, order, idle, patience):
    """Return a message on why a file cannot be fetched; None if it still can.

    `order` are the nodes that may use the WAN, `idle` the seconds since the last byte of any file arrived.
    """
    cause = next((v["backing_off"][number] for v in (mine, *peers.values()) if number in v["backing_off"]), "")
    late = idle > patience
    holders = [n for n, p in peers.items() if p["alive"] and (p["verified"] >> number & 1 or number in p["fetching"])]
    if holders or number in mine["fetching"]:
        waiting = N_("waiting for {nodes}") if holders else N_("waiting for its source")
        return _late(name, cause or Message("", waiting, nodes=holders), idle) if late else None
    able = [n for n in order if n in peers and peers[n]["alive"]]
    if all(number in peers[n]["failed"] for n in able) and (mine["name"] not in order or number in mine["failed"]):
        if number in mine["failed"]:
            return Message("file-failed", N_("{file}: {reason}"), file=name, reason=mine["failed"][number])
        for node in able:
            other = N_("{file}: {node} cannot fetch it: {reason}")
            return Message("file-failed", other, file=name, node=node, reason=peers[node]["failed"][number])
        unresponsive = N_("{file}: none of the nodes that may use the WAN responds ({nodes})")
        nodes = list(order) or Message("", N_("none configured"))
        return Message("wan-nodes-unresponsive", unresponsive, file=name, nodes=nodes)
    return _late(name, cause or Message("", N_("no node has fetched it")), idle) if late else None


def _late(name, reason, idle):
    """Return the message on a file without data for `idle` seconds."""
    template = N_("{file}: {reason}; no data received for {seconds} s")
    return Message("file-late", template, file=name, reason=reason, seconds=f"{idle:.0f}")
