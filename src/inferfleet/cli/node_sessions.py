"""What the commands have in common that keep a connection to each node open."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from inferfleet.cli.access import access_of
from inferfleet.cli.commands.plan import find_path
from inferfleet.cli.options import AccessOptions
from inferfleet.cli.planned import read
from inferfleet.doctor.hide import Hider
from inferfleet.inventory import Inventory
from inferfleet.inventory.connection import check_connections
from inferfleet.messages import N_
from inferfleet.runner.command import Access
from inferfleet.runner.errors import UsageError
from inferfleet.sessions import Session, open_session
from inferfleet.sessions.connect import program_of
from inferfleet.settings import SECRETS
from inferfleet.settings.receivers import receiver_secrets

SECRETS_FOLDER = ".secrets"


class Nodes:
    """The hosts of an inventory, with the access that the options describe."""

    def __init__(self, options: AccessOptions, inventory: str, extra_vars: list[str] | None) -> None:
        """Read the inventory.

        Raises:
            UsageError: it cannot be read, or has wrong connection variables.
        """
        self.access: Access = access_of(options, Path.cwd())
        self.path = find_path(inventory)
        self.inventory: Inventory = read(self.path, extra_vars or [], self.access)
        if problem := next(iter(check_connections(self.inventory)), None):
            raise UsageError(problem.code, problem.template, problem.remedy_template, **problem.parameters)

    def sessions(self, hosts: Iterable[str], program: str, settings: Mapping[str, Any]) -> list[Session]:
        """Return the session of a program of `on_node` on each host, with `host` in its settings."""
        source = program_of(program)
        variables = self.inventory.variables
        return [open_session(h, variables[h], self.access, source, {**settings, "host": h}) for h in hosts]

    def chosen(self, nodes: Iterable[str], service: str = "") -> list[str]:
        """Return the hosts called `nodes` (empty: all) of a service.

        Raises:
            UsageError: a name is unknown.
        """
        hosts, groups = self.inventory.hosts, self.inventory.groups
        services = {
            name.removeprefix("service_"): members for name, members in groups.items() if name.startswith("service_")
        }
        if service and service not in services:
            raise _unknown("--service", service, list(services))
        for node in nodes:
            if node not in hosts:
                raise _unknown("--node", node, hosts)
        return [h for h in hosts if (not nodes or h in nodes) and (not service or h in services[service])]

    def hider(self) -> Hider:
        """Return what masks the secrets of the inventory: those that are set, and the generated ones."""
        values = self.inventory.variables.values()
        known = {name: str(own[name]) for own in values for name in SECRETS if own.get(name)}
        for own in values:
            known |= receiver_secrets(own)
            for client in own.get("api_clients") or ():
                if isinstance(client, Mapping) and client.get("key"):
                    known[f"key of {client.get('name')}"] = str(client["key"])
        folder = Path(self.path) if Path(self.path).is_dir() else Path(self.path).parent
        for file in filter(Path.is_file, (folder / SECRETS_FOLDER).rglob("*")):
            lines = file.read_text("utf-8", errors="replace").split() if os.access(file, os.R_OK) else []
            if len(lines) == 1:  # certificates and their keys have more
                known[file.name] = lines[0]
        return Hider(known)


def _unknown(option: str, value: str, names: list[str]) -> UsageError:
    template = N_("Option {option} is {value}, which is not in the inventory.")
    remedy = N_("Choose from {names}.") if names else N_("Omit the option.")
    return UsageError("unknown-name", template, remedy, option=option, value=value, names=names)
