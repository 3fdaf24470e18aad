"""Who fetches what: the pure decisions."""

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
    return {"name": "a", "verified": 0, "complete": 0, "fetching": {}, "failed": {}, "given": {}, "resting": {}, **more}


def peer(**more):
    return {"verified": 0, "partial": {}, "fetching": set(), "failed": {}, "resting": {}, "alive": True, **more}


@given(st.lists(st.integers(0, 10**9), max_size=40), st.integers(1, 6))
def test_every_file_has_one_owner_and_none_has_much_more(sizes, count):
    nodes = [f"n{i}" for i in range(count)]
    plan = scheduling.assign(sizes, nodes)
    assert sorted(n for numbers in plan.values() for n in numbers) == list(range(len(sizes)))
    loads = [sum(sizes[n] for n in numbers) for numbers in plan.values()]
    assert max(loads) - min(loads) <= max(sizes, default=0)


PLAN, SIZES = {"a": [0, 1], "b": [2, 3]}, [4, 3, 2, 1]


def test_first_come_the_own_files():
    assert scheduling.next_fetch("a", PLAN, SIZES, me(), {"b": peer()}) == (0, "a")
    assert scheduling.next_fetch("a", PLAN, SIZES, me(fetching={0: True}), {"b": peer()}) == (1, "a")


def test_nobody_fetches_what_another_has_or_fetches():
    assert scheduling.next_fetch("a", PLAN, SIZES, me(), {"b": peer(verified=0b11, fetching={2, 3})}) is None


def test_who_has_nothing_left_asks_for_the_last_of_the_longest_list():
    done = me(verified=0b11)
    assert scheduling.next_fetch("a", PLAN, SIZES, done, {"b": peer(fetching={2})}) == (3, "b")


def test_the_first_that_lives_takes_over_from_the_dead():
    done = me(verified=0b11)
    assert scheduling.next_fetch("a", PLAN, SIZES, done, {"b": peer(alive=False, fetching={2})}) == (2, "a")
    assert scheduling.next_fetch("b", PLAN, SIZES, me(verified=0b1100), {"a": peer(alive=False)}) == (0, "b")


def test_a_file_given_away_comes_back_when_the_taker_fails():
    given_away = me(given={0: "b", 1: "b"})
    assert scheduling.next_fetch("a", {"a": [0]}, SIZES, given_away, {"b": peer()}) is None
    assert scheduling.next_fetch("a", {"a": [0]}, SIZES, given_away, {"b": peer(failed={0: "404"})}) == (0, "a")
    assert scheduling.next_fetch("a", {"a": [0]}, SIZES, given_away, {"b": peer(alive=False)}) == (0, "a")


def test_a_node_whose_sources_are_silent_leaves_its_files_to_others():
    rests = {0: "hub: no answer"}
    assert scheduling.next_fetch("a", PLAN, SIZES, me(resting=rests), {"b": peer()}) == (1, "a")
    assert scheduling.next_fetch("b", {"a": [0], "b": []}, SIZES, me(name="b"), {"a": peer(resting=rests)}) == (0, "a")
    assert scheduling.may_take(0, "b", me(resting=rests, given={0: "c"}), {"b": peer(), "c": peer(resting=rests)})
    quiet = me(resting=rests), {"b": peer(resting=rests)}, ["a", "b"]
    assert scheduling.verdict(0, "f", *quiet, 10, 60) is None
    assert str(scheduling.verdict(0, "f", *quiet, 61, 60)) == "f: hub: no answer; nothing arrived for 61 s"


def test_one_node_only_may_take_a_file():
    peers = {"b": peer(), "c": peer()}
    assert scheduling.may_take(0, "b", me(), peers)
    assert not scheduling.may_take(0, "c", me(given={0: "b"}), peers)
    assert not scheduling.may_take(0, "c", me(fetching={0: True}), peers)
    assert not scheduling.may_take(0, "c", me(complete=1), peers)


def test_of_two_that_fetch_the_same_the_later_yields():
    assert scheduling.must_yield("b", 0, ["a", "b"], {"a": peer(fetching={0})})
    assert not scheduling.must_yield("a", 0, ["a", "b"], {"b": peer(fetching={0})})
    assert scheduling.must_yield("a", 0, ["a", "b"], {"b": peer(verified=0b1)})


def test_the_rarest_piece_goes_first():
    holders = {"b": lambda n: 0b11, "c": lambda n: 0b01}
    chosen = {
        scheduling.choose_piece({0: 0b11}, {"b": holders["b"], "c": holders["c"]}, {"c": 2}, random) for _ in range(9)
    }
    assert chosen == {("b", 0, 1)}
    assert scheduling.choose_piece({0: 0b11}, holders, {"b": 2, "c": 2}, random) is None
    assert scheduling.choose_piece({}, holders, {}, random) is None


def test_hope_ends_when_everybody_has_failed():
    peers = {"b": peer(failed={0: "HTTP 404"})}
    assert scheduling.verdict(0, "f", me(), peers, ["a", "b"], 1, 9) is None
    assert str(scheduling.verdict(0, "f", me(failed={0: "HTTP 403"}), peers, ["a", "b"], 1, 9)) == "f: HTTP 403"
    assert str(scheduling.verdict(0, "f", me(), peers, ["b"], 1, 9)) == "f: b could not fetch it: HTTP 404"
    silent = scheduling.verdict(0, "f", me(), {"b": peer(alive=False)}, ["b"], 1, 9)
    assert "none of the nodes that may use the WAN answers (b)" in str(silent)
    waiting = scheduling.verdict(0, "f", me(), {"b": peer(verified=1)}, ["b"], 10, 9)
    assert "waits for b; nothing arrived for 10 s" in str(waiting)


@given(st.integers(0, 10**9), st.integers(0, 2**140))
def test_pieces_and_gaps_make_up_the_file(size, bits):
    bits &= pieces.all_pieces(size)
    gaps = sum(end - begin for begin, end in pieces.runs(size, bits))
    assert pieces.bytes_of(size, bits) + gaps == size
    assert pieces.covered(size, 0, size) == pieces.all_pieces(size)


def survey(**more):
    base = {"missing": ["f"], "bytes_needed": 10, "free_bytes": 100, "inodes": 10**6, "free_inodes": 10**6}
    base |= {"writable": True, "reason": "", "existing": "/data", "on_root": False}
    return base | more


def test_nodes_that_share_a_file_system_fill_it_once():
    seen = {"a": ["a", "b"], "b": ["a", "b"], "c": ["c"]}
    distribution, problems = plan_distribution({node: survey() for node in "abc"}, ["b"], "/m", 1, seen)
    assert problems == []
    assert (distribution.members, distribution.expected, distribution.wan, distribution.shared) == (
        ["a", "c"],
        ["a", "c"],
        ["a"],
        {"b": "a"},
    )


def test_nodes_that_have_everything_give_only():
    distribution, _ = plan_distribution({"a": survey(missing=[]), "b": survey()}, [], "/m", 1)
    assert (distribution.members, distribution.expected, distribution.wan) == (["a", "b"], ["b"], ["a", "b"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"bytes_needed": 3 * 2**30, "free_bytes": 2**30, "on_root": True},
            "Host a has 1.0 GiB free for /m, but needs 3.0 GiB more. That is its root file system."
            " Free 2.0 GiB there, or point model_root to a larger disk.",
        ),
        (
            {"writable": False, "reason": "it is mounted read-only"},
            "Host a cannot write below /data: it is mounted read-only."
            " Mount it writable, or point model_root to another disk.",
        ),
        (
            {"free_inodes": 3},
            "Host a has 3 inodes free for /m, but needs 65."
            " Remove small files there, or point model_root to another disk.",
        ),
    ],
)
def test_what_has_no_room_is_refused(change, message):
    _, problems = plan_distribution({"a": survey(**change), "b": survey(missing=[], **change)}, [], "/m", 1)
    assert [str(problem) for problem in problems] == [message]


def test_a_wan_node_that_does_not_exist_is_refused():
    _, [problem] = plan_distribution({"a": survey()}, ["x"], "/m", 1)
    assert str(problem) == (
        "Variable model_weights_wan_nodes names x, which is no node that serves."
        " Name some of a; leave it empty for all of them; or set it to [localhost] alone where only the controller"
        " has internet access."
    )


HUB = {"repository": "o/n", "modelscope": "", "revision": "main", "endpoint": "https://hub"}


def test_sources_are_completed():
    assert resolve_sources([], **HUB) == [
        {"type": "huggingface", "repository": "o/n", "revision": "main", "endpoint": "https://hub"}
    ]
    [given_id] = resolve_sources([{"type": "modelscope", "repository": "O/N"}], **HUB)
    assert (given_id["repository"], given_id["endpoint"]) == ("O/N", "https://www.modelscope.cn")


def test_a_folder_of_the_controller_is_a_mirror_on_the_nodes_loopback():
    [source] = resolve_sources([{"type": "path", "path": "/m", "host": "localhost"}], **HUB, folders={"1": 40001})
    assert (source["type"], source["endpoint"]) == ("http", "http://127.0.0.1:40001")
    assert source["title"] == "/m on the controller"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"type": "ftp"}, "Entry 1 of model_weights_sources has type 'ftp', which is not known. Set type to one of"),
        ("hf", "Entry 1 of model_weights_sources has type 'hf', which is not known."),
        ({"type": "http"}, "Entry 1 of model_weights_sources (http) has no endpoint. Set endpoint."),
        ({"type": "path"}, "Entry 1 of model_weights_sources (path) has no path. Set path."),
        ({"type": "hfd", "conections": 4}, "(hfd) has the key conections, which is not known. Use connections,"),
        (
            {"type": "path", "path": "/m", "host": "nas"},
            "(path) has host nas, which is not known. Set host to localhost",
        ),
        ({"type": "hfd", "host": "localhost"}, "(hfd) has host localhost, which is not known."),
        ({"type": "modelscope"}, "is modelscope, but the catalog knows no id of o/n there. Set repository to its id"),
    ],
)
def test_a_source_that_cannot_be_used_is_refused(entry, message):
    with pytest.raises(BadSourceError) as refused:
        resolve_sources([entry], **HUB)
    assert message in str(refused.value)


def test_the_filter_returns_the_refusal_as_data():
    spec = importlib.util.spec_from_file_location("filters", ROOT / "plugins/filter/weights.py")
    filters = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(filters)
    plan = {"checkpoint": "o/n", "checkpoint_modelscope": ""}
    find = filters.FilterModule().filters()["weights_source_problems"]
    assert [problem["code"] for problem in find([{"type": "ftp"}], plan, "main", "https://hf")] == ["bad-source"]
    assert find([], plan, "main", "https://hf") == []
