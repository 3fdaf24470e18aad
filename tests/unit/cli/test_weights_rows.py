"""Weights rows of the summary."""

from inferfleet.cli.commands.weights import download_rows, model_rows, weights_blocks
from inferfleet.cli.output.row import Row
from inferfleet.weights import weights_report

ENDS = {
    "node1": {"wan": 6_000_000, "lan": 4_000_000, "sent": 6_000_000, "seconds": 3.21, "wan_seconds": 3.0},
    "node2": {"wan": 4_000_000, "lan": 6_000_000, "sent": 4_000_000, "seconds": 3.3, "wan_seconds": 2.0},
}
for name, report in ENDS.items():
    report |= {"by_source": {}, "by_peer": {}, "events": ["model-1: was corrupt"] if name == "node2" else []}


def test_the_table_is_aligned_and_ends_with_the_floor():
    report = weights_report(ENDS, dict.fromkeys(ENDS, 10_000_000), 10_000_000, {})
    assert download_rows(report) == [
        Row("weights", "over the WAN  from nodes  to nodes  time", column=True),
        Row("node1", "      6.0 MB      4.0 MB    6.0 MB  3.2s", column=True),
        Row("node2", "      4.0 MB      6.0 MB    4.0 MB  3.3s", column=True),
        Row("all nodes", "     10.0 MB     10.0 MB   10.0 MB  3.3s", column=True),
        Row("WAN", "1 × the model size of 10.0 MB"),
        Row("time", "1.1 × the minimum time of 3.0s, limited by the WAN"),
        Row("note", "node2: model-1: was corrupt"),
    ]


def test_interrupted_downloads_are_offered_for_removal():
    complete = {"node": "n1", "state": "complete", "bytes": 10_000_000, "path": "/m/o/R1", "repository": "o/R1"}
    left = {"node": "n2", "state": "partial", "bytes": 2_000_000, "path": "/m/o/.R1.x", "repository": "o/R1"}
    assert model_rows([complete | {"commit": "c0ffee" * 6}, left | {"commit": ""}]) == [
        Row("n1", "complete, 10.0 MB: /m/o/R1 (o/R1, c0ffeec0ffee)"),
        Row("n2", "partial, 2.0 MB: /m/o/.R1.x"),
        Row(
            "leftovers",
            "1 interrupted download, 2.0 MB: run `inferfleet weights pull` to resume the inventory's model, or "
            "`inferfleet weights remove --partial` to remove them",
        ),
    ]
    assert model_rows([]) == [Row("weights", "none")]


def test_verification_shows_method_and_bottleneck():
    node = {"node": "n1", "complete": True, "wrong": [], "bytes": 3_000_000_000, "seconds": 2.0, "repaired": False}
    deep, quick = {"deep": True, "limited_by": "disk"}, {"deep": False, "limited_by": ""}
    repaired = {"complete": False, "wrong": ["model-1"], "repaired": True}
    nodes = [node | deep, node | quick, node | deep | repaired]
    assert weights_blocks({"weights_verification": nodes})[0] == [
        Row("n1", "3.0 GB verified, hashed at 1.5 GB/s, limited by the disk", holds=True),
        Row("n1", "3.0 GB verified, compared by timestamp", holds=True),
        Row(
            "n1",
            "corrupt files were downloaded again: model-1 (hashed at 1.5 GB/s, limited by the disk); a running engine "
            "may have loaded the corrupt data: run `docker restart inferfleet-engine` on the head"
            " (with executor mp: on every node)",
            holds=True,
        ),
    ]
