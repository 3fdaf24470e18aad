"""The state of a replica for the gateway: one that serves is never down, one that may not serve is never up."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inferfleet_supervisor import group as machine
from inferfleet_supervisor.daemon import Daemon
from inferfleet_supervisor.journal import Store
from inferfleet_supervisor.member import Seen
from inferfleet_supervisor.model import (
    BACK_OFF,
    DOWN,
    LOADING,
    SERVING,
    STARTING,
    STOPPED,
    STOPPING,
    UNDEPLOYED,
    UNKNOWN,
    UP,
    WAITING,
)
from inferfleet_supervisor.settings import settings_of
from inferfleet_supervisor.state import Group, Inputs
from replica_faults import CONTAINERS, FAULTS, inject
from replica_world import NODES, PLAN, World


@pytest.fixture
def world() -> World:
    """A replica that serves."""
    world = World()
    assert world.run_until(SERVING, 30)
    return world


def reported_until_up(world: World, seconds: int = 60) -> set[str]:
    """Return what is reported until the replica serves."""
    found: set[str] = set()
    for _ in range(seconds):
        world.tick(1.0)
        if world.health == UP:
            return found
        found.add(world.health)
    raise AssertionError(world.group)


@pytest.mark.parametrize("phase", [STOPPED, STOPPING, WAITING, BACK_OFF, STARTING, LOADING, UNDEPLOYED])
def test_replica_that_the_supervisor_does_not_take_over_is_down(phase: str) -> None:
    assert machine.health(Group(phase), Inputs(1.0)) == DOWN


def test_running_containers_are_taken_over_without_an_outage(world: World) -> None:
    assert world.health == UP
    world.rename()
    assert world.health == UNKNOWN
    assert reported_until_up(world) == {UNKNOWN}
    assert world.health == UP


def test_engine_that_loads_while_it_is_taken_over_does_not_count_as_serving() -> None:
    world = World()
    world.run(2)
    world.rename()
    assert not world.answers
    assert reported_until_up(world) == {UNKNOWN}
    assert world.answers


@pytest.mark.parametrize(("node", "name"), CONTAINERS)
@pytest.mark.parametrize("taken_over", [False, True])
def test_replica_is_down_as_soon_as_a_container_does_not_run(
    world: World, node: str, name: str, taken_over: bool
) -> None:
    if taken_over:
        world.rename()
        world.run(2)
    world.exit(node, name)
    world.tick(1.0)
    assert world.health == DOWN
    assert reported_until_up(world) == {DOWN}


def test_container_that_starts_while_others_are_taken_over_is_waited_for(world: World) -> None:
    world.rename()
    world.exit("n1", "engine")
    world.tick(1.0)
    world.seen["n1"]["engine"] = Seen("new", True, "new")
    assert world.health == DOWN
    assert reported_until_up(world) == {DOWN}


@pytest.mark.parametrize("command", [machine.restart, machine.stop_deliberately])
@pytest.mark.parametrize("taken_over", [False, True])
def test_command_takes_a_replica_down_at_once(
    world: World, command: Callable[[Group], Group], taken_over: bool
) -> None:
    if taken_over:
        world.rename()
        world.run(2)
    world.group = command(world.group)
    assert world.health == DOWN


def test_dead_rank_takes_a_replica_down_until_it_serves_again(world: World) -> None:
    world.run(10)
    world.kill_rank("n2", 60)
    assert world.run_until(STOPPING, 20)
    assert world.health == DOWN
    assert reported_until_up(world) == {DOWN}


@pytest.mark.parametrize("renamed", [False, True])
def test_replica_is_down_after_a_reboot(world: World, renamed: bool) -> None:
    for node in NODES:
        world.power_off(node)
    if renamed:
        world.rename()
    for node in NODES:
        world.power_on(node)
    assert reported_until_up(world) == {DOWN}


def test_state_of_a_held_replica_is_unknown(world: World) -> None:
    world.group = machine.hold(world.group, 100, "deployment")
    for node, name in CONTAINERS:
        world.seen[node][name] = Seen(f"new-{node}-{name}", True, "new")
    world.run(20)
    assert world.health == UNKNOWN
    world.group = machine.release(world.group, PLAN, world.inputs)
    assert reported_until_up(world) == {UNKNOWN}


def test_replica_that_finished_loading_while_held_serves_at_the_end_of_the_hold(world: World) -> None:
    world.exit("n1", "engine")
    assert world.run_until(LOADING, 60)
    world.group = machine.hold(world.group, 100, "deployment")
    world.run(10)
    world.group = machine.release(world.group, PLAN, world.inputs)
    assert (world.health, world.group.generation) == (UP, 2)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["daemon", "pause", "rename", "hold"]), st.integers(0, 40)), max_size=15))
def test_replica_that_serves_is_never_down(changes: list[tuple[str, int]]) -> None:
    world = World()
    assert world.run_until(SERVING, 30)
    for change, seconds in changes:
        inject(world, change, "n2" if change == "daemon" else None)
        for _ in range(seconds):
            world.tick(1.0)
            assert world.health != DOWN
    assert world.run_until(SERVING, 60)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(FAULTS, st.integers(0, 40)), max_size=12))
def test_only_running_containers_serve(faults: list[tuple[tuple[str, object], int]]) -> None:
    world, held = World(), False
    for (fault, place), seconds in faults:
        inject(world, fault, place)
        held = held or fault == "hold"
        for _ in range(seconds):
            world.tick(1.0)
            if "n1" in world.off or world.group.held > 0:
                continue
            if world.inputs.stopped:
                assert world.health == DOWN
            if world.health == UP:
                assert world.group.phase == SERVING
            if world.health == UNKNOWN and not held:  # only what the supervisor did not start
                assert not world.started_in


def daemon_of(folder: Path, node: str, boot: str) -> Daemon:
    replica = {
        "name": "r",
        "leader": "n1",
        "members": [{"node": name, "address": "127.0.0.1"} for name in NODES],
        "stages": [[{"container": "engine"}]],
    }
    given = {"node": node, "address": "127.0.0.1", "port": 1, "token_file": "/nonexistent", "boot": boot}
    return Daemon(settings_of({**given, "replica": replica}), folder)


@pytest.mark.parametrize(
    ("node", "boot", "state"), [("n1", "b1", UNKNOWN), ("n1", "b2", DOWN), ("n2", "b1", UNKNOWN), ("n2", "b2", UNKNOWN)]
)
def test_state_of_the_last_process_is_no_health(tmp_path: Path, node: str, boot: str, state: str) -> None:
    saved = {"leader": "n1", "boot": "b1", "group": {"phase": SERVING, "generation": 4}}
    Store(tmp_path / "state.json").write(saved)
    assert daemon_of(tmp_path, node, boot).health() == {"replica": "r", "state": state}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        *(f'{{"leader": "n1", "boot": "b1", "group": {group}}}' for group in ('{"reason": 1}', '{"phase": "asleep"}')),
    ],
)
def test_without_a_valid_state_what_runs_is_taken_over(tmp_path: Path, content: str) -> None:
    (tmp_path / "state.json").write_text(content)
    daemon = daemon_of(tmp_path, "n1", "b1")
    assert daemon.health()["state"] == UNKNOWN
    assert daemon.leader
    assert daemon.leader.group.phase == UNDEPLOYED
    assert daemon.leader.group.taken_over


@pytest.mark.parametrize(("leader", "desired"), [("n1", "stopped"), ("n2", "running")])
def test_deliberate_stop_outlives_another_name_of_the_replica(tmp_path: Path, leader: str, desired: str) -> None:
    saved = {"leader": leader, "boot": "b1", "group": {"phase": STOPPED, "desired": "stopped", "generation": 4}}
    Store(tmp_path / "state.json").write(saved)
    daemon = daemon_of(tmp_path, "n1", "b1")
    assert daemon.leader
    assert daemon.leader.group.desired == desired
