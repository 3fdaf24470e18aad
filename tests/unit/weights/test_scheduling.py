"""Scheduling of downloads: pure functions, distribution plan and sources."""

import importlib.util
import random
from pathlib import Path

import pytest
from ansible.module_utils.weights import pieces, scheduling
from hypothesis import given
from hypothesis import strategies as st

from inferfleet.weights import BadSourceError, plan_distribution, resolve_sources

ROOT = Path(__file__).parents[3]


def me(**more):
    return {
        "name": "a",
        "verified": 0,
        "complete": 0,
        "fetching": {},
        "failed": {},
        "handed_over": {},
        "backing_off": {},
        **more,
    }


def peer(**more):
    return {"verified": 0, "partial": {}, "fetching": set(), "failed": {}, "backing_off": {}, "alive": True, **more}


@given(st.lists(st.integers(0, 10**9), max_size=40), st.integers(1, 6))
def test_files_are_divided_evenly(sizes, count):
    nodes = [f"n{i}" for i in range(count)]
    plan = scheduling.assign(sizes, nodes)
    assert sorted(n for numbers in plan.values() for n in numbers) == list(range(len(sizes)))
    loads = [sum(sizes[n] for n in numbers) for numbers in plan.values()]
    assert max(loads) - min(loads) <= max(sizes, default=0)


PLAN, SIZES = {"a": [0, 1], "b": [2, 3]}, [4, 3, 2, 1]


def test_own_files_are_fetched_first():
    assert scheduling.next_fetch("a", PLAN, SIZES, me(), {"b": peer()}) == (0, "a")
    assert scheduling.next_fetch("a", PLAN, SIZES, me(fetching={0: True}), {"b": peer()}) == (1, "a")


def test_files_that_a_peer_has_or_fetches_are_skipped():
    assert scheduling.next_fetch("a", PLAN, SIZES, me(), {"b": peer(verified=0b11, fetching={2, 3})}) is None


def test_idle_node_takes_the_last_file_of_the_longest_list():
    done = me(verified=0b11)
    assert scheduling.next_fetch("a", PLAN, SIZES, done, {"b": peer(fetching={2})}) == (3, "b")


def test_first_live_node_takes_over_from_a_dead_node():
    done = me(verified=0b11)
    assert scheduling.next_fetch("a", PLAN, SIZES, done, {"b": peer(alive=False, fetching={2})}) == (2, "a")
    assert scheduling.next_fetch("b", PLAN, SIZES, me(verified=0b1100), {"a": peer(alive=False)}) == (0, "b")


def test_handed_over_file_returns_when_the_taker_fails():
    handed = me(handed_over={0: "b", 1: "b"})
    assert scheduling.next_fetch("a", {"a": [0]}, SIZES, handed, {"b": peer()}) is None
    assert scheduling.next_fetch("a", {"a": [0]}, SIZES, handed, {"b": peer(failed={0: "404"})}) == (0, "a")
    assert scheduling.next_fetch("a", {"a": [0]}, SIZES, handed, {"b": peer(alive=False)}) == (0, "a")


def test_node_with_unresponsive_sources_leaves_its_files_to_others():
    rests = {0: "hub: no answer"}
    assert scheduling.next_fetch("a", PLAN, SIZES, me(backing_off=rests), {"b": peer()}) == (1, "a")
    assert scheduling.next_fetch("b", {"a": [0], "b": []}, SIZES, me(name="b"), {"a": peer(backing_off=rests)}) == (
        0,
        "a",
    )
    assert scheduling.may_take(
        0, "b", me(backing_off=rests, handed_over={0: "c"}), {"b": peer(), "c": peer(backing_off=rests)}
    )
    quiet = me(backing_off=rests), {"b": peer(backing_off=rests)}, ["a", "b"]
    assert scheduling.failure_reason(0, "f", *quiet, 10, 60) is None
    assert str(scheduling.failure_reason(0, "f", *quiet, 61, 60)) == "f: hub: no answer; no data received for 61 s"


def test_a_file_is_handed_over_to_one_node_only():
    peers = {"b": peer(), "c": peer()}
    assert scheduling.may_take(0, "b", me(), peers)
    assert not scheduling.may_take(0, "c", me(handed_over={0: "b"}), peers)
    assert not scheduling.may_take(0, "c", me(fetching={0: True}), peers)
    assert not scheduling.may_take(0, "c", me(complete=1), peers)


def test_later_node_yields_when_two_fetch_the_same_file():
    assert scheduling.must_yield("b", 0, ["a", "b"], {"a": peer(fetching={0})})
    assert not scheduling.must_yield("a", 0, ["a", "b"], {"b": peer(fetching={0})})
    assert scheduling.must_yield("a", 0, ["a", "b"], {"b": peer(verified=0b1)})


def test_rarest_piece_is_fetched_first():
    holders = {"b": lambda n: 0b11, "c": lambda n: 0b01}
    chosen = {
        scheduling.choose_piece({0: 0b11}, {"b": holders["b"], "c": holders["c"]}, {"c": 2}, random) for _ in range(9)
    }
    assert chosen == {("b", 0, 1)}
    assert scheduling.choose_piece({0: 0b11}, holders, {"b": 2, "c": 2}, random) is None
    assert scheduling.choose_piece({}, holders, {}, random) is None


def test_file_fails_when_all_nodes_have_failed():
    peers = {"b": peer(failed={0: "HTTP 404"})}
    assert scheduling.failure_reason(0, "f", me(), peers, ["a", "b"], 1, 9) is None
    assert str(scheduling.failure_reason(0, "f", me(failed={0: "HTTP 403"}), peers, ["a", "b"], 1, 9)) == "f: HTTP 403"
    assert str(scheduling.failure_reason(0, "f", me(), peers, ["b"], 1, 9)) == "f: b cannot fetch it: HTTP 404"
    silent = scheduling.failure_reason(0, "f", me(), {"b": peer(alive=False)}, ["b"], 1, 9)
    assert "none of the nodes that may use the WAN responds (b)" in str(silent)
    waiting = scheduling.failure_reason(0, "f", me(), {"b": peer(verified=1)}, ["b"], 10, 9)
    assert "waiting for b; no data received for 10 s" in str(waiting)


@given(st.integers(0, 10**9), st.integers(0, 2**140))
def test_pieces_and_gaps_add_up_to_the_file(size, bits):
    bits &= pieces.all_pieces(size)
    gaps = sum(end - begin for begin, end in pieces.runs(size, bits))
    assert pieces.bytes_of(size, bits) + gaps == size
    assert pieces.covered(size, 0, size) == pieces.all_pieces(size)


def survey(**more):
    base = {"missing": ["f"], "bytes_needed": 10, "free_bytes": 100, "inodes": 10**6, "free_inodes": 10**6}
    base |= {"writable": True, "reason": "", "existing": "/data", "on_root": False}
    return base | more


def test_nodes_that_share_a_file_system_download_once():
    seen = {"a": ["a", "b"], "b": ["a", "b"], "c": ["c"]}
    distribution, problems = plan_distribution({node: survey() for node in "abc"}, ["b"], "/m", 1, seen)
    assert problems == []
    assert (distribution.members, distribution.expected, distribution.wan, distribution.shared) == (
        ["a", "c"],
        ["a", "c"],
        ["a"],
        {"b": "a"},
    )


def test_complete_nodes_only_seed():
    distribution, _ = plan_distribution({"a": survey(missing=[]), "b": survey()}, [], "/m", 1)
    assert (distribution.members, distribution.expected, distribution.wan) == (["a", "b"], ["b"], ["a", "b"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"bytes_needed": 3 * 2**30, "free_bytes": 2**30, "on_root": True},
            "Host a has 1.0 GiB free for /m on its root file system, but 3.0 GiB are required."
            " Free 2.0 GiB there, or set model_root to a folder on a larger disk.",
        ),
        (
            {"writable": False, "reason": "it is mounted read-only"},
            "Host a cannot write to /data: it is mounted read-only."
            " Mount it read-write, or set model_root to a folder on another disk.",
        ),
        (
            {"free_inodes": 3},
            "Host a has 3 inodes free for /m, but 65 are required."
            " Remove files there, or set model_root to a folder on another disk.",
        ),
    ],
)
def test_node_without_room_is_refused(change, message):
    _, problems = plan_distribution({"a": survey(**change), "b": survey(missing=[], **change)}, [], "/m", 1)
    assert [str(problem) for problem in problems] == [message]


def test_unknown_wan_node_is_refused():
    _, [problem] = plan_distribution({"a": survey()}, ["x"], "/m", 1)
    assert str(problem) == (
        "Variable model_weights_wan_nodes names x, which is not a serving node."
        " Name some of a, leave it empty for all of them, or set it to [localhost] if only the controller has"
        " internet access."
    )


HUB = {"repository": "o/n", "modelscope": "", "revision": "main", "endpoint": "https://hub"}


def test_sources_are_completed():
    assert resolve_sources([], **HUB) == [
        {"type": "huggingface", "repository": "o/n", "revision": "main", "endpoint": "https://hub"}
    ]
    [given_id] = resolve_sources([{"type": "modelscope", "repository": "O/N"}], **HUB)
    assert (given_id["repository"], given_id["endpoint"]) == ("O/N", "https://www.modelscope.cn")


def test_controller_folder_becomes_a_mirror_on_the_nodes_loopback():
    [source] = resolve_sources([{"type": "path", "path": "/m", "host": "localhost"}], **HUB, folders={"1": 40001})
    assert (source["type"], source["endpoint"]) == ("http", "http://127.0.0.1:40001")
    assert source["title"] == "localhost:/m"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"type": "ftp"}, "Entry 1 of model_weights_sources has the unknown type 'ftp'. Set type to one of"),
        ("hf", "Entry 1 of model_weights_sources has the unknown type 'hf'."),
        ({"type": "http"}, "Entry 1 of model_weights_sources (http) has no endpoint. Set endpoint."),
        ({"type": "path"}, "Entry 1 of model_weights_sources (path) has no path. Set path."),
        ({"type": "hfd", "conections": 4}, "(hfd) has the unknown key conections. Use connections,"),
        (
            {"type": "path", "path": "/m", "host": "nas"},
            "(path) has the unsupported host nas. Set host to localhost",
        ),
        ({"type": "hfd", "host": "localhost"}, "(hfd) has the unsupported host localhost."),
        (
            {"type": "modelscope"},
            "is modelscope, but the catalog has no ModelScope id for o/n. Set repository to its id",
        ),
    ],
)
def test_unusable_source_is_refused(entry, message):
    with pytest.raises(BadSourceError) as refused:
        resolve_sources([entry], **HUB)
    assert message in str(refused.value)


def test_hub_of_the_checkpoint_is_the_only_source_without_entries():
    hub = {"repository": "o/n", "modelscope": "m/n", "revision": "main", "endpoint": "https://hf"}
    [huggingface] = resolve_sources([], **hub)
    assert (huggingface["type"], huggingface["repository"]) == ("huggingface", "o/n")
    [modelscope] = resolve_sources([], **hub, hub="modelscope")
    assert (modelscope["type"], modelscope["repository"]) == ("modelscope", "m/n")


def test_filter_returns_problems_as_data():
    spec = importlib.util.spec_from_file_location("filters", ROOT / "plugins/filter/weights.py")
    filters = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(filters)
    plan = {"checkpoint": "o/n", "checkpoint_modelscope": "", "checkpoint_hub": "huggingface"}
    find = filters.FilterModule().filters()["weights_source_problems"]
    assert [problem["code"] for problem in find([{"type": "ftp"}], plan, "main", "https://hf")] == ["bad-source"]
    assert find([], plan, "main", "https://hf") == []
