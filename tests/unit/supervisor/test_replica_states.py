"""The state machine of a replica: transitions, and properties over random sequences of faults."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inferfleet_supervisor import group as machine
from inferfleet_supervisor.member import Seen, note_event
from inferfleet_supervisor.model import LOADING, SERVING, STARTING, STOPPED, STOPPING, UNDEPLOYED, WAITING, Reason
from inferfleet_supervisor.state import BACK_OFF_SECONDS, BUDGET, EXHAUSTED_SECONDS, Group, Inputs
from replica_faults import CONTAINERS, FAULTS, inject
from replica_world import NODES, PLAN, STOP_SECONDS, World

CONVERGES = 900
"""Seconds: the longest delay, the lease of a hold, loading, and starting twice."""


@pytest.fixture
def world() -> World:
    """A replica that serves."""
    world = World()
    assert world.run_until(SERVING, 30)
    return world


def codes(world: World) -> list[str]:
    return [event.code for event in world.events]


def test_running_containers_are_adopted_without_a_restart(world: World) -> None:
    assert (world.group.generation, world.group.restarts) == (1, 0)
    assert world.group.reason
    assert world.group.reason.code == "deployed"
    assert "adopted" in codes(world)


@pytest.mark.parametrize(("node", "name"), CONTAINERS)
def test_exit_restarts_the_group(world: World, node: str, name: str) -> None:
    before = dict(world.started_in)
    world.exit(node, name)
    assert world.run_until(STOPPING, 10)
    assert world.group.reason == Reason("container-exited", {"node": node, "container": name, "exit_code": 137})
    assert world.run_until(SERVING, 60)
    assert world.group.generation == 2
    assert all(world.started_in[key] == 2 for key in CONTAINERS)
    assert before == {}


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("engine_ends", [2, 3, 60])
def test_reason_of_a_dead_rank_is_its_node(world: World, node: str, engine_ends: int) -> None:
    world.run(10)
    world.kill_rank(node, engine_ends)
    assert world.run_until(STOPPING, 20)
    assert world.group.reason == Reason("rank-lost", {"node": node})
    assert world.run_until(SERVING, 60)
    world.run(30)
    assert world.group.restarts == 1


def test_reason_is_the_exit_of_the_engine_where_its_ranks_end_with_it(world: World) -> None:
    world.run(10)
    world.exit("n1", "engine")
    assert world.run_until(STOPPING, 20)
    assert world.group.reason
    assert world.group.reason.code == "container-exited"


def test_stages_start_in_order(world: World) -> None:
    world.exit("n2", "ray")
    world.run_until(STARTING, 30)
    while world.group.phase == STARTING:
        if world.running() & {("n1", "engine"), ("n2", "ray")}:
            assert ("n1", "ray") in world.running()
        world.tick(1.0)
    assert world.group.phase == LOADING


def test_hang_restarts_the_group(world: World) -> None:
    world.hangs = True
    assert world.run_until(STOPPING, 30)
    assert world.group.reason
    assert world.group.reason.code == "hang"
    assert world.run_until(SERVING, 60)


@pytest.mark.parametrize("fault", ["exit", "rank", "hang", "off"])
def test_engine_that_does_not_end_lengthens_no_restart_after_a_fault(world: World, fault: str) -> None:
    world.run(10)
    world.stuck = {("n1", "engine"), ("n1", "ray")}
    if fault == "exit":
        world.exit("n2", "ray")
    elif fault == "rank":
        world.kill_rank("n1", 60)
    elif fault == "hang":
        world.hangs = True
    else:
        world.power_off("n2")
    assert world.run_until(STOPPING, 60)
    world.power_on("n2")
    assert world.run_until(STARTING, STOP_SECONDS - 5)


def test_operator_restarts_an_engine_with_time_to_end(world: World) -> None:
    world.run(10)
    world.stuck = {("n1", "engine")}
    world.group = machine.restart(world.group)
    assert not world.run_until(STARTING, STOP_SECONDS)
    assert world.run_until(SERVING, STOP_SECONDS)


def test_deliberate_stop_is_respected(world: World) -> None:
    world.docker_stop("n2", "ray")
    assert world.run_until(STOPPED, 60)
    world.run(2000)
    assert world.group.phase == STOPPED
    assert world.running() == set()
    assert world.group.restarts == 0
    world.group = machine.start(world.group)
    assert world.run_until(SERVING, 60)


def test_docker_restart_is_no_stop(world: World) -> None:
    world.docker_stop("n2", "ray")
    world.run(2)
    state = world.seen["n2"]["ray"]
    assert state
    world.seen["n2"]["ray"] = replace(state, running=True, started="again")
    world.members["n2"] = note_event(world.members["n2"], "start", "ray", "n2-ray")
    assert world.run_until(STOPPING, 10)
    assert world.group.reason
    assert world.group.reason.code == "container-restarted"
    assert world.run_until(SERVING, 60)


def test_replica_waits_for_a_lost_node_and_starts_when_it_returns(world: World) -> None:
    world.power_off("n2")
    assert world.run_until(WAITING, 60)
    assert world.group.reason == Reason("member-lost", {"node": "n2"})
    world.run(1000)
    assert world.group.phase == WAITING
    assert world.running() == set()
    world.power_on("n2")
    assert world.run_until(SERVING, 60)


def test_lost_node_alone_restarts_nothing(world: World) -> None:
    for _ in range(100):  # it is silent, but its containers run
        world.silent["n2"] = 100.0
        world.reports.pop("n2", None)
        world.group, _ = machine.step(
            world.group,
            PLAN,
            Inputs(1.0, {"n1": world.reports["n1"]}, frozenset({"n2"}), answers=True),
        )
    assert world.group.phase == SERVING
    assert world.group.restarts == 0


def test_long_pauses_and_restarts_of_the_supervisors_restart_nothing(world: World) -> None:
    for round_ in range(300):
        world.tick(2.0)  # what a pause of any length counts
        world.restart_daemon(NODES[round_ % 2])
    assert (world.group.phase, world.group.restarts, world.group.generation) == (SERVING, 0, 1)


def test_loading_is_only_ended_by_an_exit_or_its_bound(world: World) -> None:
    world.exit("n1", "engine")
    assert world.run_until(LOADING, 60)
    group = world.group
    inputs = Inputs(1.0, world.reports, frozenset(), answers=False)
    for _ in range(int(PLAN.load) - 1):
        group, _ = machine.step(group, PLAN, inputs)
    assert group.phase == LOADING
    group, _ = machine.step(group, PLAN, inputs)
    assert group.phase == STOPPING
    assert group.reason
    assert group.reason.code == "load-timeout"


def test_delays_grow_and_the_budget_limits_them() -> None:
    delays = [Group(attempts=number).delay for number in range(1, BUDGET + 2)]
    assert delays[: len(BACK_OFF_SECONDS)] == list(BACK_OFF_SECONDS)
    assert delays[-1] == EXHAUSTED_SECONDS
    assert Group(attempts=BUDGET + 1).exhausted


def test_while_held_nothing_is_started(world: World) -> None:
    world.group = machine.hold(world.group, 100, "deployment")
    world.exit("n1", "engine")
    world.run(90)
    assert world.group.generation == 1
    assert ("n1", "engine") not in world.running()
    assert world.run_until(SERVING, 60)  # the lease has ended


def test_interrupted_run_that_left_a_serving_replica_holds_it_no_longer(world: World) -> None:
    world.group = machine.hold(world.group, 4200, "deployment")
    world.exit("n1", "engine")
    world.run(300)
    assert world.group.held > 0  # somebody has to finish it
    world.seen["n1"]["engine"] = Seen("new", True, "new")
    assert world.run_until(UNDEPLOYED, 140)
    assert world.run_until(SERVING, 20)
    assert (world.group.held, world.group.restarts, codes(world).count("released")) == (0, 0, 1)


def test_replica_with_a_lost_node_stays_held(world: World) -> None:
    world.group = machine.hold(world.group, 4200, "deployment")
    world.silent["n2"] = 100
    world.off.add("n2")
    world.run(200)
    assert world.group.held > 0


def test_recreated_containers_are_adopted(world: World) -> None:
    world.group = machine.hold(world.group, 100, "deployment")
    world.tick(1.0)
    for node, name in CONTAINERS:
        world.seen[node][name] = Seen(f"new-{node}-{name}", True, "new")
    world.run(3)
    world.group = machine.release(world.group, PLAN, Inputs(0, world.reports))
    assert world.group.phase == UNDEPLOYED
    assert world.run_until(SERVING, 30)
    assert (world.group.generation, world.group.restarts) == (2, 0)


def test_half_of_a_deployment_is_restarted_as_a_group(world: World) -> None:
    world.group = machine.hold(world.group, 100, "deployment")
    world.exit("n1", "engine")
    world.run(3)
    world.group = machine.release(world.group, PLAN, Inputs(0, world.reports))
    assert world.run_until(SERVING, 60)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(FAULTS, st.integers(0, 40)), max_size=12))
def test_any_sequence_of_faults_converges(faults: list[tuple[tuple[str, object], int]]) -> None:
    """`World._start` asserts that no container of an older generation runs at any start."""
    world = World()
    world.run(12)
    for (fault, place), seconds in faults:
        inject(world, fault, place)
        world.run(seconds)
    for node in NODES:
        world.power_on(node)
    if world.group.desired == "stopped":
        assert world.run_until(STOPPED, CONVERGES)
        world.run(60)
        if world.group.desired == "stopped":
            assert world.running() == set()
    else:
        assert world.run_until(SERVING, CONVERGES) or world.group.desired == "stopped", world.group


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["daemon", "pause"]), st.integers(0, 40)), max_size=20))
def test_without_a_fault_nothing_restarts(faults: list[tuple[str, int]]) -> None:
    world = World()
    world.run(12)
    for fault, seconds in faults:
        inject(world, fault, "n2" if fault == "daemon" else None)
        world.run(seconds)
    assert (world.group.phase, world.group.restarts, world.group.generation) == (SERVING, 0, 1)
