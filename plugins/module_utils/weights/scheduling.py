"""Who fetches what: pure functions over what each node says of itself.

A node's view of a peer is a dict: `verified` (bits, one a file), `partial` (file -> bits of its pieces), `fetching`
(files it is fetching over the WAN), `failed` (file -> cause), `resting` (the same, of sources that do not answer: it
will try again), `alive` (whether it answered lately).
"""

from __future__ import annotations

from ansible.module_utils.messages import N_, Message

SAMPLE = 16
"""Pieces looked at for the rarest one: enough to spread them, whatever the number of pieces."""


def assign(sizes, nodes):
    """Divide files among the nodes that may use the WAN, the largest first, each to whom has the least.

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
    """Return (file, owner) that node `me` should fetch over the WAN now; None when there is none.

    `mine` has of the node itself `verified`, `complete` (bits: all pieces there), `fetching`, `failed`, `resting` and
    `given` (file -> node that was allowed to fetch it in this one's place). First come its own files (`owner` is
    `me`). One that has nothing left takes what another has not begun, from the end of the longest list; that one has
    to allow it. What belonged to a node that does not answer falls to the first in the order that does (`owner` is
    `me`).
    """
    held, begun = mine["verified"] | mine["complete"], set(mine["fetching"])
    for peer in peers.values():
        if peer["alive"]:
            held |= peer["verified"]
            begun |= peer["fetching"]

    def open_of(node):
        return [n for n in plan.get(node, ()) if not held >> n & 1 and n not in begun and not _gave_up(mine, n)]

    def given(number):
        taker = peers.get(mine["given"].get(number, ""))
        return bool(taker and taker["alive"] and not _gave_up(taker, number))

    own = [n for n in open_of(me) if not given(n)]
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
    """Say whether `node` may fetch a file of ours: nobody has begun it, and no other one was allowed to."""
    if (mine["verified"] | mine["complete"]) >> number & 1 or number in mine["fetching"]:
        return False
    taker = mine["given"].get(number, node)
    alive = taker in peers and peers[taker]["alive"] and not _gave_up(peers[taker], number)
    return taker == node or not alive


def _gave_up(node, number):
    """Say whether a node cannot fetch a file, or not now."""
    return number in node["failed"] or number in node["resting"]


def must_yield(me, number, order, peers):
    """Say whether a file that `me` fetches is there on another node, or fetched by one that comes before in `order`."""
    return any(
        peer["alive"]
        and (peer["verified"] >> number & 1 or (number in peer["fetching"] and order.index(node) < order.index(me)))
        for node, peer in peers.items()
        if node in order
    )


def choose_piece(wanted, peers, busy, random, per_peer=2):
    """Return (peer, file, piece) to ask for next; None when nobody offers what is wanted.

    `wanted` maps file -> bits that are neither there nor on their way; `peers` node -> (function file -> bits held);
    `busy` node -> number of pieces now on their way from it. The piece that the fewest have goes first, so that what
    only one node holds is soon in many hands.
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
    """Return one of the pieces that are set, each about as likely."""
    start = random.randrange(bits.bit_length())
    above = bits >> start
    if above:
        return number, start + (above & -above).bit_length() - 1
    return number, (bits & -bits).bit_length() - 1


def shares(total, nodes):
    """Return the part of a rate limit for the whole cluster that one of `nodes` WAN nodes may use; 0: no limit."""
    return total / max(1, nodes) if total else 0


def verdict(number, name, mine, peers, order, silent, patience):
    """Return why a file cannot be had any more, as a message; None while there is hope.

    `order` are the nodes that may use the WAN, `silent` the seconds since the last byte of anything arrived.
    """
    said = next((v["resting"][number] for v in (mine, *peers.values()) if number in v["resting"]), "")
    late = silent > patience
    holders = [n for n, p in peers.items() if p["alive"] and (p["verified"] >> number & 1 or number in p["fetching"])]
    if holders or number in mine["fetching"]:
        waits = N_("waits for {nodes}") if holders else N_("waits for its source")
        return _late(name, said or Message("", waits, nodes=holders), silent) if late else None
    able = [n for n in order if n in peers and peers[n]["alive"]]
    if all(number in peers[n]["failed"] for n in able) and (mine["name"] not in order or number in mine["failed"]):
        if number in mine["failed"]:
            return Message("file-failed", N_("{file}: {reason}"), file=name, reason=mine["failed"][number])
        for node in able:
            other = N_("{file}: {node} could not fetch it: {reason}")
            return Message("file-failed", other, file=name, node=node, reason=peers[node]["failed"][number])
        silence = N_("{file}: none of the nodes that may use the WAN answers ({nodes})")
        nodes = list(order) or Message("", N_("there is none"))
        return Message("wan-nodes-silent", silence, file=name, nodes=nodes)
    return _late(name, said or Message("", N_("nobody has fetched it")), silent) if late else None


def _late(name, reason, silent):
    """Return the message on a file that nothing has arrived of for `silent` seconds."""
    template = N_("{file}: {reason}; nothing arrived for {seconds} s")
    return Message("file-late", template, file=name, reason=reason, seconds=f"{silent:.0f}")
