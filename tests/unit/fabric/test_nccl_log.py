"""Reading NCCL's log."""

from pathlib import Path

import pytest

from inferfleet.fabric.nccl_log import NcclLog, read_nccl_log

LOGS = Path(__file__).parents[2] / "fixtures" / "nccl"


def read(name: str) -> NcclLog:
    return read_nccl_log((LOGS / f"{name}.log").read_text().splitlines())


def test_infiniband():
    log = read("infiniband")
    assert (log.version, log.networks, log.fell_back, log.gpudirect) == ("2.28.9", ("IB",), False, True)
    assert log.devices == ("mlx5_0:1", "mlx5_1:1", "mlx5_2:1", "mlx5_3:1")
    assert (log.over_rdma, log.over_sockets) == (2, 0)


def test_roce_without_gpudirect():
    log = read("roce_without_gpudirect")
    assert (log.version, log.devices) == ("2.19.3", ("mlx5_10:1", "mlx5_11:1"))
    assert (log.fell_back, log.gpudirect, log.over_rdma) == (False, False, 2)


def test_plugin_of_nvidias_images():
    log = read("plugin")
    assert (log.networks, log.fell_back, log.gpudirect) == (("IBext_v8",), False, True)


def test_recorded_log_of_nvlink():
    log = read("recorded_nvlink")
    assert (log.version, log.networks, log.over_sockets, log.over_rdma) == ("2.28.9", ("Socket",), 0, 0)


def test_recorded_log_of_sockets():
    log = read("recorded_socket")
    assert (log.version, log.networks, log.fell_back, log.devices) == ("2.28.9", ("Socket",), True, ())
    assert log.over_sockets > 0


def test_recorded_log_of_two_nodes():
    log = read("recorded_two_nodes")
    assert (log.version, log.networks, log.fell_back) == ("2.28.9", ("Socket",), True)
    assert (log.over_sockets, log.over_rdma, log.warnings) == (4, 0, ())


@pytest.mark.parametrize("name", ["fallback", "no_verbs"])
def test_sockets(name):
    assert read(name).fell_back
    assert read(name).devices == ()


def test_warnings_are_kept():
    assert read("no_verbs").warnings == ("Failed to open libibverbs.so[.1]",)


def test_other_lines_are_ignored():
    assert read_nccl_log(["", "hello", "NCCL INFO", "via NET"]) == NcclLog()
