"""A simulated replica: two nodes whose containers obey the real logic of members and leader, second by second."""

from dataclasses import replace

from inferfleet_supervisor import group as machine
from inferfleet_supervisor import member as logic
from inferfleet_supervisor.member import Member, Seen
from inferfleet_supervisor.model import LOADING, SERVING, Reason, Report
from inferfleet_supervisor.state import Event, Group, Inputs, Plan

NODES = ("n1", "n2")
STAGES = {"n1": (("ray",), ("engine",)), "n2": ((), ("ray",))}
PLAN = Plan(members=NODES, stages=2, load=60, join=30)
LOAD_SECONDS = 5
LOST_SECONDS = 15
STOP_SECONDS = 20


class World:
    """The replica. Containers run from the beginning, as after a deployment."""

    def __init__(self) -> None:
        self.group = Group(taken_over=True)
        self.members = {node: Member() for node in NODES}
        self.inputs = Inputs(0.0)
        self.seen: dict[str, dict[str, Seen | None]] = {
            node: {name: Seen(f"{node}-{name}", True, "0") for stage in STAGES[node] for name in stage}
            for node in NODES
        }
        self.boots = dict.fromkeys(NODES, 0)
        self.off: set[str] = set()
        self.silent = dict.fromkeys(NODES, 0.0)
        self.reports: dict[str, Report] = {}
        self.started_in: dict[tuple[str, str], int] = {}
        self.hangs = False
        self.stuck: set[tuple[str, str]] = set()  # ends by SIGKILL only
        self.dead_ranks: set[str] = set()
        self.engine_ends = 0  # ticks until the engine exits because of a dead rank
        self.serving_seconds = 0.0
        self.stalled = 0.0
        self.time = 0
        self.events: list[Event] = []

    # Faults and commands

    def exit(self, node: str, name: str, code: int = 137) -> None:
        """End a container's process."""
        state = self.seen[node].get(name)
        if state and state.running:
            self.seen[node][name] = replace(state, running=False, exit_code=code)
            if name == "engine":
                self.hangs = False

    def kill_rank(self, node: str, engine_ends: int) -> None:
        """End the rank process of a node; the engine exits some ticks later."""
        self.dead_ranks.add(node)
        self.engine_ends = engine_ends

    def docker_stop(self, node: str, name: str) -> None:
        """Stop a container as `docker stop` does."""
        state = self.seen[node].get(name)
        if node not in self.off and state and state.running:
            self.exit(node, name, 0)
            self.members[node] = logic.note_event(self.members[node], "stop", name, state.id)

    def power_off(self, node: str) -> None:
        """Switch a node off."""
        self.off.add(node)
        for name in list(self.seen[node]):
            self.exit(node, name)

    def power_on(self, node: str) -> None:
        """Boot a node."""
        if node in self.off:
            self.off.discard(node)
            self.boots[node] += 1
            self.members[node] = replace(self.members[node], expected=(), stops={}, ranks_reached=False)

    def restart_daemon(self, node: str) -> None:
        """Restart the supervisor of a node."""
        self.members[node] = logic.restored(logic.saved(self.members[node]))

    def rename(self) -> None:
        """Restart the supervisors of all nodes with the settings of a replica of another name."""
        self.group = Group(taken_over=True)
        self.members = {node: Member() for node in NODES}
        self.reports, self.silent, self.started_in = {}, dict.fromkeys(NODES, 0.0), {}
        self.inputs = Inputs(0.0)

    # Time

    def run(self, seconds: int) -> None:
        """Let some seconds pass."""
        for _ in range(seconds):
            self.tick(1.0)

    def run_until(self, phase: str, seconds: int) -> bool:
        """Return whether the replica reached a phase within some seconds."""
        for _ in range(seconds):
            if self.group.phase == phase:
                return True
            self.tick(1.0)
        return self.group.phase == phase

    def tick(self, seconds: float) -> None:
        """Let one interval pass on all nodes that are on."""
        self.time += 1
        if self.engine_ends:
            self.engine_ends -= 1
            if not self.engine_ends:
                self.exit("n1", "engine", 1)
        self.silent = {node: age + seconds for node, age in self.silent.items()}
        for node in NODES:
            if node not in self.off:
                self._report(node, seconds)
        if "n1" not in self.off:  # the leader
            self._step(seconds)
        for node in NODES:
            if node not in self.off and "n1" not in self.off:
                self._obey(node)

    @property
    def health(self) -> str:
        """The state for the gateway."""
        return machine.health(self.group, self.inputs)

    @property
    def answers(self) -> bool:
        """Whether the engine answers."""
        return self.serving_seconds >= LOAD_SECONDS and not self.hangs

    def running(self) -> set[tuple[str, str]]:
        """Return the containers that run."""
        return {(node, name) for node in NODES for name, state in self.seen[node].items() if state and state.running}

    def _report(self, node: str, seconds: float) -> None:
        engine = self.seen["n1"]["engine"]
        loaded = bool(engine and engine.running and self.serving_seconds >= LOAD_SECONDS)
        self.dead_ranks = self.dead_ranks if loaded else set()
        ranks = int(loaded and node not in self.dead_ranks)
        self.members[node] = logic.observe(self.members[node], self.seen[node], ranks, 1, seconds)
        boot = str(self.boots[node])
        self.reports[node] = logic.report(self.members[node], node, boot, STAGES[node], self.seen[node])
        self.silent[node] = 0.0

    def _step(self, seconds: float) -> None:
        complete = len(self.running()) == 3
        self.serving_seconds = self.serving_seconds + seconds if complete else 0.0
        self.stalled = self.stalled + seconds if self.hangs or not complete else 0.0
        inspected = self.group.held > 0 or self.group.phase in (LOADING, SERVING)
        answers = inspected and self.answers
        fault = Reason("hang", {"seconds": 20}) if self.stalled >= 20 and self.group.phase == SERVING else None
        lost = frozenset(node for node, age in self.silent.items() if age >= LOST_SECONDS)
        reports = {node: report for node, report in self.reports.items() if node not in lost}
        self.inputs = Inputs(seconds, reports, lost, answers, fault)
        self.group, events = machine.step(self.group, PLAN, self.inputs)
        self.events += events

    def _obey(self, node: str) -> None:
        order = self.group.order()
        member, actions = logic.obey(self.members[node], order, STAGES[node], self.seen[node], STOP_SECONDS)
        self.members[node] = member
        for action, name in actions:
            if action == "start":
                self._start(node, name, order.generation)
            elif action == "kill" or (node, name) not in self.stuck:
                self.exit(node, name, 137 if action == "kill" else 143)

    def _start(self, node: str, name: str, generation: int) -> None:
        older = {key for key in self.running() if self.started_in.get(key, 0) < generation and key[0] not in self.off}
        unreachable = {node for node, age in self.silent.items() if age > 1}
        assert not {key for key in older if key[0] not in unreachable}, "containers of an older generation run"
        state = self.seen[node][name]
        assert state
        assert not state.running
        self.seen[node][name] = replace(state, running=True, started=str(self.time), exit_code=0)
        self.started_in[node, name] = generation
