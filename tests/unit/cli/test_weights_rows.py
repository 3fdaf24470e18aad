"""What a summary shows of weights."""

from inferfleet.cli.commands.weights import download_rows, model_rows, weights_blocks
from inferfleet.cli.output.row import Row
from inferfleet.weights import weights_report

ENDS = {
    "node1": {"wan": 6_000_000, "lan": 4_000_000, "sent": 6_000_000, "seconds": 3.21, "wan_seconds": 3.0},
    "node2": {"wan": 4_000_000, "lan": 6_000_000, "sent": 4_000_000, "seconds": 3.3, "wan_seconds": 2.0},
}
for name, told in ENDS.items():
    told |= {"by_source": {}, "by_peer": {}, "events": ["model-1: came damaged"] if name == "node2" else []}


def test_the_table_is_aligned_and_ends_with_the_floor():
    report = weights_report(ENDS, dict.fromkeys(ENDS, 10_000_000), 10_000_000, {})
    assert download_rows(report) == [
        Row("weights", "over the WAN  from nodes  to nodes  time"),
        Row("node1", "      6.0 MB      4.0 MB    6.0 MB  3.2s"),
        Row("node2", "      4.0 MB      6.0 MB    4.0 MB  3.3s"),
        Row("all nodes", "     10.0 MB     10.0 MB   10.0 MB  3.3s"),
        Row("WAN", "1 times the 10.0 MB of the model"),
        Row("time", "1.1 times the 3.0s that the WAN needs"),
        Row("note", "node2: model-1: came damaged"),
    ]


def test_what_broke_off_is_offered_for_removal():
    whole = {"node": "n1", "state": "complete", "bytes": 10_000_000, "path": "/m/o/R1", "repository": "o/R1"}
    left = {"node": "n2", "state": "partial", "bytes": 2_000_000, "path": "/m/o/.R1.x", "repository": "o/R1"}
    assert model_rows([whole | {"commit": "c0ffee" * 6}, left | {"commit": ""}]) == [
        Row("n1", "complete, 10.0 MB: /m/o/R1 (o/R1, c0ffeec0ffee)"),
        Row("n2", "partial, 2.0 MB: /m/o/.R1.x"),
        Row(
            "left over",
            "1 interrupted download, 2.0 MB: `inferfleet weights pull` continues that of the inventory's model, "
            "`inferfleet weights remove --partial` removes them",
        ),
    ]
    assert model_rows([]) == [Row("weights", "none")]


def test_a_verification_shows_how_it_was_made_and_what_limited_it():
    proof = {"node": "n1", "complete": True, "wrong": [], "bytes": 3_000_000_000, "seconds": 2.0, "repaired": False}
    deep, stamps = {"deep": True, "limited_by": "disk"}, {"deep": False, "limited_by": ""}
    torn = {"complete": False, "wrong": ["model-1"], "repaired": True}
    proofs = [proof | deep, proof | stamps, proof | deep | torn]
    assert weights_blocks({"weights_verification": proofs})[0] == [
        Row("n1", "3.0 GB verified, hashed at 1.5 GB/s, limited by the disk", holds=True),
        Row("n1", "3.0 GB verified, compared by stamps", holds=True),
        Row(
            "n1",
            "files did not match: model-1 (hashed at 1.5 GB/s, limited by the disk); they were downloaded again, but a "
            "running engine has loaded the bad ones: run `docker restart inferfleet-engine` there",
            holds=True,
        ),
    ]
