"""All checks of an inventory and of the facts its nodes report, in one table: what each checks and which data it needs.

Problems that prevent a plan (no engine, no layout that fits) are reported where the decision is made, not here.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from inferfleet.catalog import Checkpoint, Model
from inferfleet.engines import Mode
from inferfleet.inventory.check import (
    check_addresses,
    check_agreement,
    check_bundled,
    check_expressions,
    check_groups,
    check_keys,
    check_network,
)
from inferfleet.inventory.connection import check_connections
from inferfleet.inventory.facts import Host, check_disks, check_free_ports, check_system
from inferfleet.inventory.folders import check_folders
from inferfleet.inventory.ignored import (
    check_host_names,
    check_sources,
    check_unknown_groups,
    check_variable_files,
)
from inferfleet.inventory.model import Inventory
from inferfleet.inventory.options import check_options
from inferfleet.inventory.ports import check_ports
from inferfleet.inventory.values import check_values
from inferfleet.messages import Problem
from inferfleet.planner.checkpoints import cache_problems
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.features import (
    batch_problems,
    context_ranks_problems,
    environment_problems,
    image_problems,
    mode_problems,
    port_problems,
    replica_problems,
    setting_problems,
    speculation_problems,
    tool_call_problems,
)
from inferfleet.planner.fit import Sizing
from inferfleet.planner.flags import flag_problems, quantization_problems
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.fleet_checks import (
    check_answers,
    check_counts,
    check_devices,
    check_drivers,
    check_health,
    check_memory,
    check_model_roots,
    check_models,
    check_node_addresses,
    check_processors,
    shm_problems,
)
from inferfleet.planner.gateway import check_haproxy, check_switch
from inferfleet.planner.monitoring import check_packages
from inferfleet.planner.provided import check_copies, check_model_folder, link_problems
from inferfleet.planner.values import value_problems
from inferfleet.planner.virtual_address import check_virtual_address, check_virtual_network
from inferfleet.settings import Settings


@dataclass(frozen=True)
class Selection:
    """The engine selected for a model and a fleet, with the user's settings."""

    settings: Settings
    model: Model
    fleet: Fleet
    choice: EngineChoice


@dataclass(frozen=True)
class SizedSelection:
    """The checkpoint and the layout of a selection, with the settings that engine and mode fix."""

    settings: Settings
    model: Model
    fleet: Fleet
    choice: EngineChoice
    checkpoint: Checkpoint
    mode: Mode | None
    sizing: Sizing


@dataclass(frozen=True)
class Check:
    """One check: `run` takes a `subject` and returns its problems; missing data is not a problem."""

    run: Callable[[Any], Iterable[Problem]]
    subject: type[Any]
    needs_facts: bool = False
    """Whether it checks facts of the nodes, and so returns nothing before they are gathered."""
    after_values: bool = False
    """For an inventory: whether it reads values, which must all have the right type."""
    complete: bool = False
    """For an inventory: whether it needs every setting of every host."""


CHECKS = (
    Check(check_sources, Inventory),
    Check(check_host_names, Inventory),
    Check(check_groups, Inventory),
    Check(check_unknown_groups, Inventory),
    Check(check_variable_files, Inventory),
    Check(check_connections, Inventory),
    Check(check_addresses, Inventory),
    Check(check_expressions, Inventory),
    Check(check_keys, Inventory),
    Check(check_bundled, Inventory),
    Check(check_values, Inventory),
    Check(check_agreement, Inventory),
    Check(check_network, Inventory, after_values=True),
    Check(check_ports, Inventory, after_values=True, complete=True),
    Check(check_switch, Inventory, after_values=True, complete=True),
    Check(check_virtual_address, Inventory, after_values=True, complete=True),
    Check(check_options, Inventory),
    Check(check_folders, Inventory, after_values=True),
    Check(value_problems, Settings),
    Check(check_node_addresses, Fleet),
    Check(check_answers, Fleet, needs_facts=True),
    Check(check_models, Fleet),
    Check(check_counts, Fleet),
    Check(check_memory, Fleet, needs_facts=True),
    Check(check_drivers, Fleet, needs_facts=True),
    Check(check_processors, Fleet, needs_facts=True),
    Check(check_devices, Fleet, needs_facts=True),
    Check(check_health, Fleet, needs_facts=True),
    Check(check_model_roots, Fleet, needs_facts=True),
    Check(check_model_folder, Fleet, needs_facts=True),
    Check(lambda it: flag_problems(it.choice, it.model, it.settings.engine_extra_args), Selection),
    Check(lambda it: setting_problems(it.settings, it.choice), Selection),
    Check(lambda it: mode_problems(it.settings, it.choice), Selection),
    Check(lambda it: link_problems(it.settings, it.choice), Selection),
    Check(lambda it: environment_problems(it.settings, it.choice), Selection),
    Check(lambda it: tool_call_problems(it.settings, it.model, it.choice), Selection),
    Check(lambda it: image_problems(it.choice, it.fleet), Selection, needs_facts=True),
    Check(lambda it: replica_problems(it.settings, it.choice), SizedSelection),
    Check(lambda it: batch_problems(it.settings, it.choice, it.sizing), SizedSelection),
    Check(lambda it: context_ranks_problems(it.settings, it.model, it.choice, it.sizing), SizedSelection),
    Check(lambda it: port_problems(it.settings, it.choice, it.fleet), SizedSelection),
    Check(
        lambda it: speculation_problems(
            it.settings, it.model, it.checkpoint, it.choice, it.mode, it.sizing.layout.pipeline_parallel_size
        ),
        SizedSelection,
    ),
    Check(lambda it: check_copies(it.fleet, it.checkpoint), SizedSelection, needs_facts=True),
    Check(lambda it: quantization_problems(it.choice, it.checkpoint, it.settings.engine_extra_args), SizedSelection),
    Check(lambda it: cache_problems(it.settings, it.model, it.fleet), SizedSelection),
    Check(
        lambda it: shm_problems(it.fleet) if not it.choice.engine.container.shm_size else [],
        SizedSelection,
        needs_facts=True,
    ),
    Check(check_system, Host, needs_facts=True),
    Check(check_free_ports, Host, needs_facts=True),
    Check(check_disks, Host, needs_facts=True),
    Check(check_haproxy, Host, needs_facts=True),
    Check(check_packages, Host, needs_facts=True),
    Check(check_virtual_network, Host, needs_facts=True),
)
"""All checks, in the order in which problems are shown: the inventory, its nodes, the layout."""


def checks_of(subject: type[Any]) -> Iterator[Check]:
    """Yield the checks of a type of subject."""
    return (check for check in CHECKS if check.subject is subject)


def run_checks(subject: object) -> list[Any]:
    """Return all problems of a subject."""
    return [problem for check in checks_of(type(subject)) for problem in check.run(subject)]


def check_inventory(inventory: Inventory) -> list[Problem]:
    """Return the problems of the inventory that need no facts, structure first; empty when it is valid."""
    complete = all(Settings.model_fields.keys() <= inventory.variables[host].keys() for host in inventory.hosts)
    invalid = check_values(inventory)
    return [
        problem
        for check in checks_of(Inventory)
        if not (check.after_values and invalid) and (complete or not check.complete)
        for problem in check.run(inventory)
    ]
