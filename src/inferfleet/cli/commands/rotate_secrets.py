"""`inferfleet rotate-secrets`: replace generated keys, tokens and passwords."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from inferfleet.cli.commands.up import up_blocks
from inferfleet.cli.commands.upgrade import DrainTimeout, Yes, run_variables
from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.text import tr
from inferfleet.cli.registry import Command
from inferfleet.messages import N_


@takes_run_options
def rotate_secrets(
    options: RunOptions,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NAME",
            show_default=False,
            rich_help_panel=RUN_PANEL,
            help=N_("Only this secret, such as engine_api_key. Repeatable."),
        ),
    ] = None,
    drain_timeout: DrainTimeout = 600,
    yes: Yes = False,
) -> None:
    """Run the playbook that generates new secrets and deploys them."""
    variables = [run_variables("rotate-secrets", drain_timeout, yes), json.dumps({"rotated_secrets": only or []})]
    raise typer.Exit(execute(COMMAND, options, extra_vars=variables))


_EFFECTS = {
    "engine_api_key": N_(
        "clients of the gateway change nothing; those that connect to an engine directly need the new key in {file}"
    ),
    "ray_auth_token": N_("clients change nothing"),
    "supervisor_token": N_("clients change nothing"),
    "webui_secret_key": N_("users of Open WebUI sign in again"),
    "webui_admin_password": N_("the administrator of Open WebUI signs in with the password in {file}"),
    "monitoring_admin_password": N_(
        "the administrator of Prometheus and Alertmanager signs in with the password in {file}"
    ),
}


def rotation_blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    """Return what each rotated secret means for clients, and what `inferfleet up` reports."""
    folder = result.get("secrets_dir", "")
    rows = [
        Row(str(name), tr(_EFFECTS[name], file=f"{folder}/{name}"))
        for name in result.get("rotated") or ()
        if name in _EFFECTS
    ]
    return [rows, *up_blocks(result, succeeded)]


COMMAND = Command(
    name="rotate-secrets",
    run=rotate_secrets,
    position=250,
    playbook="playbooks/rotate_secrets.yml",
    help=(
        N_("Generate new keys and tokens, and deploy them: replicas are replaced as in `inferfleet upgrade`."),
        N_(
            "Keys of clients are rotated with `inferfleet clients rotate`, and secrets of the inventory by changing it."
        ),
    ),
    examples=(
        ("inferfleet rotate-secrets -i inventories/a800", ""),
        ("inferfleet rotate-secrets -i inventories/a800 --check", N_("which would be rotated")),
        ("inferfleet rotate-secrets -i inventories/a800 --only engine_api_key", ""),
    ),
    done=N_("Secrets rotated"),
    interrupted=N_("Run the same command again: it continues with the same new secrets."),
    failed=N_("Fix the error, then run the same command again: it continues with the same new secrets."),
    summarize=rotation_blocks,
)
