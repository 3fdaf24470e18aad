"""Warnings about a node's accelerators, and events that are ignored."""

import pytest

from inferfleet.planner.health import bus_id, health_problems, health_warnings

GPUS = [{"index": i, "memory_mib": 81559, "bus": f"00000000:{bus}:00.0"} for i, bus in enumerate(("3B", "5D"))]
DRIVER = {
    "module_version": "580.95.05",
    "module_flavour": "open",
    "kernel": "5.15.0-101-generic",
    "modules": ["nvidia"],
}


def warnings(**facts):
    return list(map(str, health_warnings("n1", {"accelerators": GPUS, **DRIVER, **facts})))


def event(xid, age):
    return [{"xid": xid, "bus": "0000:3b:00", "age_seconds": age, "count": 1, "text": "…"}]


@pytest.mark.parametrize(
    ("xid", "age", "warning"),
    [
        (
            63,
            600,
            "Xid 63 on 0000:3b:00, 10 min ago: a memory row is pending remapping, which takes effect after a reset.",
        ),
        (79, 100_000, "Xid 79 on 0000:3b:00, 27 h ago: it has fallen off the bus."),
        (79, 400_000, "Xid 79 on 0000:3b:00, 4 days ago: it has fallen off the bus."),
    ],
)
def test_minor_and_old_xids_are_warnings(xid, age, warning):
    assert warnings(events=event(xid, age)) == [f"The kernel log of n1 reports {warning}"]
    assert health_problems("n1", {"accelerators": GPUS, "events": event(xid, age)}, wanted=0, share=0.9) == []


def test_xids_caused_by_programs_are_ignored():
    assert warnings(events=event(31, 10)) == warnings(events=event(13, 10)) == []


def test_acs_and_iommu_are_warnings():
    assert warnings(acs_bridges=["0000:00:01.0"]) == [
        "ACS is enabled on 1 PCI bridges of n1: traffic between accelerators and network cards passes through the"
        " CPU. Disable it in the firmware if the machine runs no virtual machines."
    ]
    assert warnings(iommu=True) == []
    (warning,) = warnings(iommu=True, rdma=[{"name": "mlx5_0"}])
    assert warning.startswith("The IOMMU of n1 is enabled: GPUDirect RDMA may be slow or fail.")


@pytest.mark.parametrize(
    ("facts", "copies"),
    [
        ({}, False),
        ({"kernel": "5.4.0"}, True),
        ({"module_flavour": "proprietary"}, True),
        ({"module_flavour": "proprietary", "modules": ["nvidia", "nvidia_peermem"]}, False),
    ],
)
def test_rdma_without_gpudirect_is_a_warning(facts, copies):
    assert bool(warnings(rdma=[{"name": "mlx5_0"}], **facts)) is copies


def test_healthy_node():
    facts = {"accelerators": GPUS, "pci": {"accelerators": ["0000:3b:00.0", "0000:5d:00.0"], "switches": []}}
    assert health_problems("n1", facts, wanted=0, share=0.9) == []


def test_display_card_next_to_declared_accelerators_is_not_missing():
    facts = {"accelerators": GPUS, "pci": {"accelerators": ["0000:3b:00.0", "0000:5d:00.0", "0000:02:00.0"]}}
    assert health_problems("n1", facts, wanted=2, share=0.9) == []
    assert [p.code for p in health_problems("n1", facts, wanted=0, share=0.9)] == ["accelerators-missing"]


@pytest.mark.parametrize(
    "facts", [{}, {"events": "x", "pci": [], "processes": 3, "accelerators": None}, {"events": [1]}]
)
def test_malformed_facts(facts):
    assert health_problems("n1", facts, wanted=8, share=0.9) == []
    assert list(health_warnings("n1", facts)) == []


@pytest.mark.parametrize(
    ("reported", "id_"), [("00000000:3B:00.0", "0000:3b:00.0"), ("0000:3b:00.0", "0000:3b:00.0"), ("", "")]
)
def test_bus_id(reported, id_):
    assert bus_id(reported) == id_
