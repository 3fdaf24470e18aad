"""`inferfleet weights`: download, verify, list and remove model files; the service is unaffected."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.output.row import Row, table_rows
from inferfleet.cli.output.sections import standard_blocks
from inferfleet.cli.output.text import count, duration, shown, size, tr
from inferfleet.cli.registry import Command, Group
from inferfleet.messages import N_

_COLUMNS = (N_("over the WAN"), N_("from nodes"), N_("to nodes"), N_("time"))
_STATES = {"complete": N_("complete"), "partial": N_("partial")}
_LIMITS = {"disk": N_("the disk"), "processors": N_("the processors")}


@takes_run_options
def pull(options: RunOptions) -> None:
    """Run the playbook that downloads the weights."""
    raise typer.Exit(execute(_PULL, options))


@takes_run_options
def verify(
    options: RunOptions,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep",
            metavar="",
            rich_help_panel=RUN_PANEL,
            help=N_("Hash every file, and download corrupt ones again."),
        ),
    ] = False,
) -> None:
    """Run the playbook that verifies the weights."""
    raise typer.Exit(execute(_VERIFY, options, extra_vars=[f"model_weights_deep={str(deep).lower()}"]))


@takes_run_options
def list_(options: RunOptions) -> None:
    """Run the playbook that lists the weights."""
    raise typer.Exit(execute(_LIST, options))


@takes_run_options
def remove(
    options: RunOptions,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial",
            metavar="",
            rich_help_panel=RUN_PANEL,
            help=N_("Remove only leftovers of interrupted downloads, of any model; running downloads are kept."),
        ),
    ] = False,
) -> None:
    """Run the playbook that removes the weights."""
    extra_vars = ["weights_remove_partial=true"] if partial else []
    raise typer.Exit(execute(_REMOVE, options, extra_vars=extra_vars))


_STORED = N_("{state}, {size}: {path}")
_STORED_COMMIT = N_("{state}, {size}: {path} ({repository}, {commit})")


def weights_blocks(result: Mapping[str, Any]) -> list[list[Row]]:
    """Return what was verified, downloaded and listed."""
    verified, downloads, models = (result.get(f"weights{what}") for what in ("_verification", "", "_found"))
    return [
        [_verified(node) for node in verified or ()],
        download_rows(downloads) if downloads else [],
        model_rows(models) if models is not None else [],
    ]


def download_rows(report: Mapping[str, Any]) -> list[Row]:
    """Return the download table from the report of `inferfleet.weights.weights_report`."""
    cells = [[tr(column) for column in _COLUMNS], *(_cells(node) for node in report["nodes"])]
    if len(report["nodes"]) > 1:
        sent = sum(node["sent_bytes"] for node in report["nodes"])
        cells.append(_cells({**report, "sent_bytes": sent}))
    labels = [tr(N_("weights")), *(node["node"] for node in report["nodes"]), tr(N_("all nodes"))]
    rows = table_rows(labels[: len(cells)], cells)
    if report["times_model"] is not None:
        text = N_("{times} × the model size of {size}")
        rows.append(Row("WAN", tr(text, times=f"{report['times_model']:g}", size=size(report["model_bytes"]))))
    if report["times_floor"] is not None:
        least = tr(
            N_("{times} × the minimum time of {time}, limited by the {limit}"),
            times=f"{report['times_floor']:g}",
            time=duration(report["floor_seconds"]),
            limit=report["limited_by"],
        )
        rows.append(Row(tr(N_("time")), least))
    note = tr(N_("note"))
    return rows + [Row(note, f"{node['node']}: {shown(event)}") for node in report["nodes"] for event in node["events"]]


def model_rows(models: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return a row for each model stored on a node, and how to remove leftovers."""
    rows = []
    for model in models:
        known = {
            "state": tr(_STATES.get(model["state"], model["state"])),
            "size": size(model["bytes"]),
            "path": model["path"],
            "repository": model["repository"],
            "commit": (model["commit"] or "")[:12],
        }
        template = _STORED_COMMIT if known["commit"] else _STORED
        rows.append(Row(model["node"], tr(template, **known)))
    partial = [model["bytes"] for model in models if model["state"] == "partial"]
    if partial:
        downloads = count(len(partial), N_("{count} interrupted download"), N_("{count} interrupted downloads"))
        text = N_(
            "{downloads}, {size}: run `inferfleet weights pull` to resume the inventory's model, or"
            " `inferfleet weights remove --partial` to remove them"
        )
        rows.append(Row(tr(N_("leftovers")), tr(text, downloads=downloads, size=size(sum(partial)))))
    return rows or [Row(tr(N_("weights")), tr(N_("none")))]


def _cells(node: Mapping[str, Any]) -> list[str]:
    return [*(size(node[key]) for key in ("wan_bytes", "lan_bytes", "sent_bytes")), duration(node["seconds"])]


def _verified(node: Mapping[str, Any]) -> Row:
    how = tr(N_("compared by timestamp"))
    if node["deep"]:
        rate = size(node["bytes"] / node["seconds"]) if node["seconds"] else "?"
        limit = tr(_LIMITS.get(node["limited_by"], node["limited_by"]))
        text = N_("hashed at {rate}/s, limited by {limit}") if limit else N_("hashed at {rate}/s")
        how = tr(text, rate=rate, limit=limit)
    if node["complete"]:
        return Row(node["node"], tr(N_("{size} verified, {how}"), size=size(node["bytes"]), how=how), holds=True)
    wrong = node["wrong"] or [tr(N_("no complete copy"))]
    text = N_("files differ from the manifest: {files} ({how})")
    if node["repaired"]:
        text = N_(
            "corrupt files were downloaded again: {files} ({how}); a running engine may have loaded the corrupt"
            " data: run `docker restart inferfleet-engine` on the head (with executor mp: on every node)"
        )
    return Row(node["node"], tr(text, files=wrong, how=how), holds=bool(node["repaired"]))


def _blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    service, *checks = standard_blocks(result, True)
    return [service, *weights_blocks(result), *checks] if succeeded else checks


_PULL = Command(
    name="weights pull",
    run=pull,
    playbook="playbooks/weights.yml",
    help=(N_("Download the weights to every node: one copy over the WAN, the rest from node to node."),),
    examples=(
        ("inferfleet weights pull -i inventories/a800", ""),
        ("""inferfleet weights pull -i inventories/a800 -e '{"model_weights_wan_nodes": ["a800-01"]}'""", ""),
        (
            """inferfleet weights pull -i inventories/a800 -e '{"model_weights_wan_nodes": ["localhost"]}'""",
            N_("through the controller"),
        ),
    ),
    done=N_("The weights are on every node"),
    interrupted=N_("Downloads continue in the background; run `inferfleet weights pull` again to follow them."),
    summarize=_blocks,
)
_VERIFY = Command(
    name="weights verify",
    run=verify,
    playbook="playbooks/weights_verify.yml",
    help=(N_("Verify that every node has the same complete model, and repair damaged files."),),
    examples=(
        ("inferfleet weights verify -i inventories/a800", N_("compare timestamps: seconds")),
        ("inferfleet weights verify -i inventories/a800 --deep", N_("hash every byte")),
    ),
    done=N_("The weights are verified"),
    interrupted=N_("Run `inferfleet weights verify` again: it starts from the beginning."),
    summarize=_blocks,
)
_LIST = Command(
    name="weights list",
    run=list_,
    playbook="playbooks/weights_list.yml",
    changes_nodes=False,
    help=(N_("List the complete and partial models on the nodes."),),
    done=N_("Models listed"),
    summarize=_blocks,
)
_REMOVE = Command(
    name="weights remove",
    run=remove,
    playbook="playbooks/weights_remove.yml",
    help=(N_("Remove the weights of the inventory's model from every node; other models are kept."),),
    examples=(
        ("inferfleet weights remove -i inventories/a800", ""),
        ("inferfleet weights remove -i inventories/a800 --partial", N_("leftovers of interrupted downloads")),
    ),
    done=N_("Removed"),
    interrupted=N_("Run `inferfleet weights remove` again: it continues where this run stopped."),
    summarize=_blocks,
)
COMMAND = Group(
    name="weights",
    position=270,
    help=(N_("Download, verify, list and remove the model's files."),),
    commands=(_PULL, _VERIFY, _LIST, _REMOVE),
)
