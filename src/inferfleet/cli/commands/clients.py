"""`inferfleet clients`: list, add and revoke clients of the gateway, and give them new keys."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from inferfleet.cli.execute import execute, refuse
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.output.row import Row, table_rows
from inferfleet.cli.output.sections import mappings
from inferfleet.cli.output.text import shown, tr
from inferfleet.cli.registry import Command, Group
from inferfleet.messages import N_
from inferfleet.runner.outcome import Outcome

_COLUMNS = (N_("models"), N_("requests per minute"), N_("concurrent"), N_("source"), N_("key (SHA-256)"))
_REFUSED = {"revoked": N_("revoked"), "expired": N_("expired")}
_SOURCES = {"inventory": N_("inventory"), "command": N_("command")}

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False, help=N_("Name of the client."))]
ShowKey = Annotated[
    bool,
    typer.Option("--show-key", metavar="", rich_help_panel=RUN_PANEL, help=N_("Print the new key as well.")),
]


@takes_run_options
def list_(options: RunOptions) -> None:
    """Run the playbook that lists the clients."""
    raise typer.Exit(execute(_LIST, options))


@takes_run_options
def add(
    options: RunOptions,
    name: Name,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--models",
            metavar="MODEL",
            rich_help_panel=RUN_PANEL,
            help=N_("A model that the client may use; without it, all. Repeatable."),
        ),
    ] = None,
    requests_per_minute: Annotated[
        int,
        typer.Option(
            "--requests-per-minute",
            min=0,
            metavar="N",
            rich_help_panel=RUN_PANEL,
            help=N_("Limit of requests in a minute; 0: unlimited."),
        ),
    ] = 0,
    max_concurrent: Annotated[
        int,
        typer.Option(
            "--max-concurrent",
            min=0,
            metavar="N",
            rich_help_panel=RUN_PANEL,
            help=N_("Limit of requests at the same time; 0: unlimited."),
        ),
    ] = 0,
    expires: Annotated[
        str,
        typer.Option(
            "--expires",
            metavar="DATE",
            rich_help_panel=RUN_PANEL,
            show_default=False,
            help=N_("First day, in UTC, on which the key is refused, for example 2027-01-31; without it, never."),
        ),
    ] = "",
    show_key: ShowKey = False,
) -> None:
    """Run the playbook that adds a client; a typo in its name or options is reported before."""
    from inferfleet.gateway import option_problems  # with the command

    given = {
        "models": models or [],
        "requests_per_minute": requests_per_minute,
        "max_concurrent": max_concurrent,
        "expires": expires,
    }
    limits = {key: value for key, value in given.items() if value}
    for problem in option_problems(name, limits, datetime.now(UTC).date().isoformat()):
        refuse(problem, _ADD.name, options)
        raise typer.Exit(Outcome.BAD_INPUT.exit_code)
    raise typer.Exit(_change(_ADD, options, "add", name, limits, show_key=show_key))


@takes_run_options
def rotate(options: RunOptions, name: Name, show_key: ShowKey = False) -> None:
    """Run the playbook that gives a client a new key."""
    raise typer.Exit(_change(_ROTATE, options, "rotate", name, {}, show_key=show_key))


@takes_run_options
def revoke(options: RunOptions, name: Name) -> None:
    """Run the playbook that revokes a client."""
    raise typer.Exit(_change(_REVOKE, options, "revoke", name, {}))


def _change(
    command: Command,
    options: RunOptions,
    action: str,
    name: str,
    limits: Mapping[str, Any],
    *,
    show_key: bool = False,
) -> int:
    change = {"action": action, "name": name, **limits}
    extra_vars = [json.dumps({"gateway_client_change": change}, ensure_ascii=False)]
    complete = with_key if show_key and not options.check else dict
    return execute(command, options, extra_vars=extra_vars, complete=complete)


def with_key(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result with the key of the changed client, which is in its file only: no log contains it."""
    client = result.get("client") or {}
    file = client.get("key_file")
    return {**result, "client": {**client, "key": Path(file).read_text("utf-8").strip()}} if file else dict(result)


def client_rows(clients: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return a row for each client."""
    cells = [[tr(column) for column in _COLUMNS], *(_cells(client) for client in clients)]
    if any(client["expires"] for client in clients):
        ends = [tr(N_("expires")), *(client["expires"] or tr(N_("never")) for client in clients)]
        cells = [[*row, end] for row, end in zip(cells, ends, strict=True)]
    labels = [tr(N_("client")), *(str(client["name"]) for client in clients)]
    return table_rows(labels, cells)


def _cells(client: Mapping[str, Any]) -> list[str]:
    unlimited, key = tr(N_("unlimited")), client["key_fingerprint"] or tr(N_("no key yet"))
    return [
        ", ".join(client["models"]) or tr(N_("all")),
        str(client["requests_per_minute"] or unlimited),
        str(client["max_concurrent"] or unlimited),
        tr(_SOURCES[client["source"]]),
        tr(_REFUSED[client["state"]]) if client["state"] in _REFUSED else key,
    ]


def _list_blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    return [client_rows(mappings(result.get("clients")))] if succeeded else []


def change_blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    """Return the changed client, and what is left to do if a gateway does not have it."""
    client = result.get("client") or {}
    if not client:
        return []
    rows = [Row(tr(N_("client")), shown(client["name"]))]
    if file := client["key_file"]:
        rows.append(Row(tr(N_("key file")), file))
    if key := client.get("key"):
        rows.append(Row(tr(N_("key")), key))
    if not succeeded:
        stored = N_("The change is recorded, but not every gateway has it yet: run `inferfleet up --tags gateway`.")
        rows.append(Row(tr(N_("note")), tr(stored)))
    return [rows]


_INTERRUPTED = N_("Run `inferfleet up --tags gateway`: it applies a change that was recorded.")
_LIST = Command(
    name="clients list",
    run=list_,
    playbook="playbooks/clients.yml",
    changes_nodes=False,
    help=(N_("List the clients with their models and limits, the source and the beginning of the key's SHA-256."),),
    examples=(
        ("inferfleet clients list -i inventories/a800", ""),
        ("inferfleet clients list -i inventories/a800 --json | jq .result.clients", ""),
    ),
    done=N_("Clients listed"),
    summarize=_list_blocks,
)
# These commands change no service, so that they need not wait for a run that does.
_ADD = Command(
    name="clients add",
    run=add,
    playbook="playbooks/clients.yml",
    changes_nodes=False,
    help=(
        N_("Add a client with a generated key, or admit a revoked one again. The running gateways apply it at once."),
        N_("The client is recorded next to the inventory's secrets; api_clients is not changed."),
    ),
    examples=(
        ("inferfleet clients add chat-app -i inventories/a800", ""),
        ("inferfleet clients add batch -i inventories/a800 --models deepseek-r1 --requests-per-minute 60", ""),
        ("inferfleet clients add guest -i inventories/a800 --expires 2027-01-31", ""),
        ("inferfleet clients add batch -i inventories/a800 --show-key", N_("print the key as well")),
    ),
    done=N_("Client added"),
    interrupted=_INTERRUPTED,
    summarize=change_blocks,
)
_ROTATE = Command(
    name="clients rotate",
    run=rotate,
    playbook="playbooks/clients.yml",
    changes_nodes=False,
    help=(N_("Give a client a new key; the gateways refuse the previous one at once. Running streams end normally."),),
    examples=(("inferfleet clients rotate chat-app -i inventories/a800", ""),),
    done=N_("Key rotated"),
    interrupted=_INTERRUPTED,
    summarize=change_blocks,
)
_REVOKE = Command(
    name="clients revoke",
    run=revoke,
    playbook="playbooks/clients.yml",
    changes_nodes=False,
    help=(
        N_("Refuse all further requests of a client, and delete its key. Running streams end normally."),
        N_("A client of api_clients stays there, and is refused until `inferfleet clients add` admits it again."),
    ),
    examples=(("inferfleet clients revoke chat-app -i inventories/a800", ""),),
    done=N_("Client revoked"),
    interrupted=_INTERRUPTED,
    summarize=change_blocks,
)
COMMAND = Group(
    name="clients",
    position=260,
    help=(N_("List, add and revoke the gateway's clients, and rotate their keys, without a restart."),),
    commands=(_LIST, _ADD, _ROTATE, _REVOKE),
)
