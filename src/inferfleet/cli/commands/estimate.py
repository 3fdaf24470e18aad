"""`inferfleet estimate`: whether a model fits on an accelerator, and with which context length."""

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from inferfleet.catalog.folder import is_readable
from inferfleet.cli.commands.plan import Json, to_json
from inferfleet.cli.options import setting_option
from inferfleet.cli.output.console import make_console
from inferfleet.cli.output.plan import accelerators, facts_table, loading, print_problems
from inferfleet.cli.output.text import shown, tr
from inferfleet.cli.registry import Command
from inferfleet.inventory.values import settings_problems
from inferfleet.messages import N_, Message, Problem
from inferfleet.planner import Estimate, Refusal
from inferfleet.planner import estimate as estimate_plan
from inferfleet.runner.outcome import Outcome
from inferfleet.settings import Settings

_MAX_NODES = 1024
_SHORT = {"tensor_parallel_size": "--tp", "pipeline_parallel_size": "--pp", "accelerators_per_node": "--per-node"}
"""Settings whose option has a shorter name."""
_OPTIONS = frozenset(
    {
        *_SHORT,
        *("model", "checkpoint", "precision", "engine", "accelerator", "max_model_len", "max_num_seqs"),
        *("max_num_batched_tokens", "gpu_memory_utilization", "kv_cache_dtype", "kv_bytes_per_token"),
        *("enforce_eager", "profile", "replicas"),
    }
)
"""Settings with an option of this command."""
_NODES = "nodes"
"""Key of a refusal's change that is not a setting: the number of nodes, set by `--nodes`."""


def estimate(
    accelerator: Annotated[
        str, typer.Option(metavar="NAME", help=N_("Accelerator from the catalog, for example A800-80G."))
    ],
    model: Annotated[str, setting_option("model", metavar="NAME")] = "",
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=N_("A Hugging Face config.json, or the folder that contains it.")),
    ] = None,
    nodes: Annotated[int, typer.Option(metavar="N", help=N_("Number of nodes."))] = 1,
    per_node: Annotated[
        int,
        typer.Option(
            "--per-node", "--accelerators-per-node", metavar="G", help=N_("Accelerators per node; 0: the usual number.")
        ),
    ] = 0,
    replicas: Annotated[int, setting_option("replicas", metavar="N")] = 0,
    tp: Annotated[int, setting_option("tensor_parallel_size", "--tp", metavar="N")] = 0,
    pp: Annotated[int, setting_option("pipeline_parallel_size", "--pp", metavar="N")] = 0,
    checkpoint: Annotated[str, setting_option("checkpoint", metavar="ID")] = "",
    precision: Annotated[str, setting_option("precision", metavar="KIND")] = "",
    max_model_len: Annotated[int, setting_option("max_model_len", metavar="TOKENS")] = 0,
    max_num_seqs: Annotated[int, setting_option("max_num_seqs", metavar="N")] = 0,
    max_num_batched_tokens: Annotated[int, setting_option("max_num_batched_tokens", metavar="TOKENS")] = 0,
    gpu_memory_utilization: Annotated[float, setting_option("gpu_memory_utilization", metavar="SHARE")] = 0.90,
    kv_cache_dtype: Annotated[str, setting_option("kv_cache_dtype", metavar="TYPE")] = "auto",
    kv_bytes_per_token: Annotated[int, setting_option("kv_bytes_per_token", metavar="BYTES")] = 0,
    engine: Annotated[str, setting_option("engine", metavar="NAME")] = "auto",
    profile: Annotated[str, setting_option("profile", metavar="NAME")] = "balanced",
    enforce_eager: Annotated[bool, setting_option("enforce_eager")] = False,
    as_json: Json = False,
) -> None:
    """Print whether a model fits."""
    console = make_console(stderr=as_json)
    if bool(model) == (config is not None):
        usage = Problem(
            "usage", N_("Exactly one of --model and --config is needed."), N_("Give either --model or --config.")
        )
        _refuse([usage], as_json)
    if not 1 <= nodes <= _MAX_NODES:
        usage = Problem(
            "usage",
            N_("Option --nodes is {nodes}."),
            N_("Give a number of nodes from 1 to {most}."),
            nodes=nodes,
            most=_MAX_NODES,
        )
        _refuse([usage], as_json)
    settings: dict[str, Any] = {
        "model": str(_absolute(config.expanduser())) if config else model,
        "checkpoint": checkpoint,
        "engine": engine,
        "precision": precision,
        "replicas": replicas,
        "tensor_parallel_size": tp,
        "pipeline_parallel_size": pp,
        "max_model_len": max_model_len,
        "max_num_seqs": max_num_seqs,
        "max_num_batched_tokens": max_num_batched_tokens,
        "gpu_memory_utilization": gpu_memory_utilization,
        "kv_cache_dtype": kv_cache_dtype,
        "kv_bytes_per_token": kv_bytes_per_token,
        "profile": profile,
        "enforce_eager": enforce_eager,
    }
    # A requested layout determines the number of accelerators, unless that is set as well.
    if tp > 0 and not per_node and nodes == 1:
        per_node = tp * max(1, pp)
    settings |= {"accelerators_per_node": per_node}
    if problems := [_with_option(problem) for problem in settings_problems(settings)]:
        _refuse(problems, as_json)
    result = estimate_plan(Settings(**settings), accelerator, nodes, per_node)
    if as_json:
        typer.echo(to_json(result.as_dict()))
    else:
        _print(result)
    unusable = {"unknown-name", "bad-value", "catalog-broken"} & {p.code for p in result.plan.problems}
    if unusable:
        if as_json:
            _print_problems(console, result.plan.problems)
        raise typer.Exit(Outcome.BAD_INPUT.exit_code)
    raise typer.Exit(Outcome.OK.exit_code if result.fits else Outcome.REQUIREMENTS_NOT_MET.exit_code)


def _absolute(path: Path) -> Path:
    """Return the absolute path of a file or folder; in Hugging Face's cache, the file itself is a link into `blobs`."""
    return path.resolve() if is_readable(path) and path.is_dir() else path.parent.resolve() / path.name


def _print(result: Estimate) -> None:
    console, form = make_console(), result.as_dict()
    if form["weights_gib_per_gpu"] is not None:
        rows = [
            (N_("Checkpoint"), N_("{checkpoint} ({precision}, computed in {dtype})")),
            (N_("Engine"), "{engine} {engine_version}"),
            *([(N_("Replicas"), "{replicas}")] if form["replicas"] > 1 else []),
            (N_("Accelerators"), accelerators(form["accelerators"], form["accelerator"], form["replicas"])),
            (N_("Parallel"), N_("tensor {tensor_parallel_size}, pipeline {pipeline_parallel_size}")),
            (N_("Weights"), N_("{weights_gib_per_gpu:.2f} GiB per GPU")),
            (N_("Overhead"), N_("{overhead_gib_per_gpu:.2f} GiB per GPU, including activations")),
            (N_("KV cache"), N_("{kv_cache_gib_per_gpu:.2f} GiB per GPU = {kv_cache_tokens} tokens")),
            (N_("Context"), N_("{max_model_len} tokens, {max_concurrency:.1f} concurrent sequences of that length")),
            (N_("Loading"), loading(result.plan)),
        ]
        console.print(facts_table([(tr(name), tr(value, **form)) for name, value in rows]))
    for reason in result.plan.reasons:
        if reason.code == "profile":
            console.print(Text(f"  {shown(reason)}", style="dim"), soft_wrap=True)
    for warning in result.plan.warnings:
        console.print(Text(f"  {shown(warning)}", style="yellow"), soft_wrap=True)
    _print_problems(console, result.plan.problems)
    if result.fits:
        console.print(Text(tr(N_("The model fits.")), style="green"))


def option_of(setting: str) -> str:
    """Return the option that sets `setting`."""
    return _SHORT.get(setting) or f"--{setting.replace('_', '-')}"


def options_of(change: Mapping[str, Any]) -> str:
    """Return the options that apply a change of settings or of `nodes`; empty if a setting has no option.

    Settings without an option keep their default: a change to the default needs no option.
    """
    fixed = {name: field.default for name, field in Settings.model_fields.items() if name not in _OPTIONS}
    needed = {name: value for name, value in change.items() if name not in fixed or value != fixed[name]}
    if not needed.keys() <= {*_OPTIONS, _NODES}:
        return ""
    words = []
    for setting, value in needed.items():
        words += [option_of(setting)] if value is True else [option_of(setting), shlex.quote(str(value))]
    return " ".join(words)


def _with_option(problem: Problem) -> Problem:
    """Return the problem of a setting's value with its option in place of the hosts."""
    option = option_of(str(problem.parameters["setting"]))
    return problem.with_parameters(hosts=Message("", N_("option {option}"), option=option))


def _print_problems(console: Console, problems: Iterable[Problem]) -> None:
    """Print problems, and the options that solve them if a change of settings is enough."""
    for problem in problems:
        print_problems(console, [problem])
        if isinstance(problem, Refusal) and (options := options_of(problem.change)):
            hint = tr(N_("As options: {options}"), options=options)
            console.print(Text(f"  {hint}"), soft_wrap=True)


def _refuse(problems: list[Problem], as_json: bool) -> None:
    _print_problems(make_console(stderr=True), problems)
    if as_json:
        typer.echo(to_json({"fits": False, "problems": [problem.as_dict() for problem in problems]}))
    raise typer.Exit(Outcome.BAD_INPUT.exit_code)


COMMAND = Command(
    name="estimate",
    run=estimate,
    position=30,
    help=(
        N_("Estimate whether a model fits, and with which context length and concurrency."),
        N_("Exits with code 1 for a name that is not in the catalog and 3 when the model does not fit."),
    ),
    examples=(
        ("inferfleet estimate --model deepseek-r1 --accelerator H800-80G --nodes 2", ""),
        (
            "inferfleet estimate --model deepseek-r1-distill-qwen-32b --accelerator V100-32G --per-node 4"
            " --max-model-len 32768",
            "",
        ),
        ("inferfleet estimate --config ./config.json --accelerator A100-80G --precision int4 --json", ""),
    ),
)
