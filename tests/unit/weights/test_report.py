"""The report of a model distribution."""

from inferfleet.weights import weights_report


def end(wan, lan, seconds, wan_seconds, **more):
    result = {"wan": wan, "lan": lan, "sent": wan, "seconds": seconds, "wan_seconds": wan_seconds}
    return result | {"by_source": {"huggingface hub": wan}, "by_peer": {"b": lan}, "events": []} | more


def test_floor_is_the_wan_time_for_one_copy():
    ends = {"a": end(60, 40, 12.0, 10.0), "b": end(40, 60, 11.0, 9.0)}
    report = weights_report(ends, {"a": 100, "b": 100}, 100, {"a": 0, "b": 0})
    assert (report["wan_bytes"], report["lan_bytes"], report["seconds"]) == (100, 100, 12.0)
    assert (report["floor_seconds"], report["limited_by"], report["times_floor"]) == (10.0, "WAN", 1.2)
    assert report["times_model"] == 1.0


def test_bytes_fetched_twice_do_not_raise_the_floor():
    ends = {"a": end(200, 0, 20.0, 20.0)}
    report = weights_report(ends, {"a": 100}, 100, {})
    assert (report["floor_seconds"], report["times_floor"], report["times_model"]) == (10.0, 2.0, 2.0)


def test_floor_is_the_time_of_the_slowest_link():
    ends = {"a": end(0, 0, 9.0, 0.0), "b": end(0, 1_000_000, 9.0, 0.0)}
    report = weights_report(ends, {"a": 0, "b": 1_000_000}, 1_000_000, {"a": 1000, "b": 1})
    assert (report["floor_seconds"], report["limited_by"], report["times_floor"]) == (8.0, "LAN", 1.12)


def test_no_floor_without_rates():
    report = weights_report({"a": end(0, 5, 1.0, 0.0)}, {"a": 5}, 5, {"a": 0})
    assert (report["times_floor"], report["limited_by"], report["times_model"]) == (None, "", 0.0)
