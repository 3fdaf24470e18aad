"""Faults of a simulated replica and commands of its operator, for random sequences of them."""

from hypothesis import strategies as st
from inferfleet_supervisor import group as machine
from replica_world import NODES, STAGES, World

CONTAINERS = [(node, name) for node in NODES for stage in STAGES[node] for name in stage]
FAULTS = st.one_of(
    st.tuples(st.just("exit"), st.sampled_from(CONTAINERS)),
    st.tuples(st.just("docker stop"), st.sampled_from(CONTAINERS)),
    st.tuples(st.just("off"), st.sampled_from(NODES)),
    st.tuples(st.just("on"), st.sampled_from(NODES)),
    st.tuples(st.just("hang"), st.none()),
    st.tuples(st.just("stuck"), st.sampled_from(CONTAINERS)),
    st.tuples(st.just("daemon"), st.sampled_from(NODES)),
    st.tuples(st.just("rename"), st.none()),
    st.tuples(st.just("pause"), st.none()),
    st.tuples(st.just("hold"), st.none()),
    st.tuples(st.just("stop"), st.none()),
    st.tuples(st.just("start"), st.none()),
    st.tuples(st.just("restart"), st.none()),
)


def inject(world: World, fault: str, place: object) -> None:
    """Let a fault or command of FAULTS happen."""
    if fault == "stuck" and isinstance(place, tuple):
        world.stuck ^= {place}
    elif isinstance(place, tuple):
        (world.exit if fault == "exit" else world.docker_stop)(*place)
    elif isinstance(place, str):
        {"off": world.power_off, "on": world.power_on, "daemon": world.restart_daemon}[fault](place)
    elif fault == "hang":
        world.hangs = ("n1", "engine") in world.running()
    elif fault == "rename":
        world.rename()
    elif fault == "pause":
        world.tick(2.0)
    elif fault == "hold":
        world.group = machine.hold(world.group, 30, "deployment")
    else:
        commands = {"stop": machine.stop_deliberately, "start": machine.start, "restart": machine.restart}
        world.group = commands[fault](world.group)
