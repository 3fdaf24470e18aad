"""Select what connects the nodes of an engine: its own backend (`mp`) or a Ray cluster."""

from inferfleet.engines import Engine, EngineVersion
from inferfleet.engines.schema import Executor
from inferfleet.messages import N_, Message
from inferfleet.planner.fleet import Fleet
from inferfleet.settings import Settings


def executors_of(engine: Engine, version: EngineVersion, nodes: int) -> tuple[Executor, ...]:
    """Return the executors that an engine version supports on this number of nodes, the preferred one first."""
    return (version.executors if nodes > 1 else ()) or engine.executors


def executor_of(engine: Engine, version: EngineVersion, settings: Settings, nodes: int) -> Executor:
    """Return the configured executor; for `auto`, and for one that the engine does not have, the planner's choice."""
    if settings.executor != "auto" and settings.executor in engine.executors:
        return settings.executor
    return executors_of(engine, version, nodes)[0]


def why_executor(engine: Engine, version: EngineVersion, executor: str, fleet: Fleet) -> Message | None:
    """Return the reason for the planner's choice of the executor; None where there is nothing to choose."""
    nodes = len(fleet.nodes)
    if fleet.settings.executor != "auto" or engine.executors == ("mp",):
        return None
    if len(executors_of(engine, version, nodes)) == 1:
        template = N_("Executor {executor}: the only one that {engine} supports")
        if nodes > 1:
            template = N_("Executor {executor}: the only one that {engine} supports on {nodes} nodes")
    elif nodes == 1:
        template = N_("Executor mp: a single node does not need Ray")
    elif executor == "mp":
        template = N_("Executor mp: {engine} connects {nodes} nodes itself, without a Ray cluster")
    else:
        template = N_("Executor ray: documented for {engine} on several nodes with {accelerator}")
    return Message(
        "executor",
        template,
        executor=executor,
        engine=f"{engine.title} {version.version}",
        nodes=nodes,
        accelerator=fleet.name,
    )
