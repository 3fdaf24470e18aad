"""`inferfleet estimate`: does this model fit onto that accelerator, and how much context does it leave."""

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from inferfleet.cli.commands.plan import Json, to_json
from inferfleet.cli.output.plan import facts_table, make_console, print_problems
from inferfleet.cli.output.text import shown, tr
from inferfleet.cli.registry import Command
from inferfleet.inventory.values import settings_problems
from inferfleet.messages import N_, Message, Problem
from inferfleet.planner import Estimate, Refusal
from inferfleet.planner import estimate as estimate_plan
from inferfleet.runner.outcome import Outcome
from inferfleet.settings import Settings

_MOST_NODES = 1024
_SHORT = {"tensor_parallel_size": "--tp", "pipeline_parallel_size": "--pp", "accelerators_per_node": "--per-node"}
"""Settings whose option has a shorter name than their own."""
_OPTIONS = frozenset(
    {
        *_SHORT,
        *("model", "checkpoint", "precision", "engine", "accelerator", "max_model_len", "max_num_seqs"),
        *("max_num_batched_tokens", "gpu_memory_utilization", "kv_cache_dtype", "enforce_eager"),
    }
)
"""Settings that this command has options for."""
_NODES = "nodes"
"""What a refusal's change names besides settings: the number of nodes, which `--nodes` sets."""


def estimate(
    accelerator: Annotated[str, typer.Option(metavar="NAME", help=N_("A name of the catalog, e.g. A800-80G."))],
    model: Annotated[str, typer.Option(metavar="NAME", help=N_("A model of the catalog, or an absolute path."))] = "",
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help=N_("A Hugging Face config.json, or the folder with it."))
    ] = None,
    nodes: Annotated[int, typer.Option(metavar="N", help=N_("Number of nodes."))] = 1,
    per_node: Annotated[
        int,
        typer.Option("--per-node", "--accelerators-per-node", metavar="G", help=N_("Accelerators a node; 0: usual.")),
    ] = 0,
    tp: Annotated[
        int, typer.Option("--tp", "--tensor-parallel-size", metavar="N", help=N_("Tensor parallel size; 0: chosen."))
    ] = 0,
    pp: Annotated[
        int,
        typer.Option("--pp", "--pipeline-parallel-size", metavar="N", help=N_("Pipeline parallel size; 0: chosen.")),
    ] = 0,
    checkpoint: Annotated[
        str, typer.Option(metavar="ID", help=N_("Repository of the weights, owner/name; empty: chosen."))
    ] = "",
    precision: Annotated[
        str, typer.Option(metavar="KIND", help=N_("Of the weights: bf16, fp16, fp8, int8 or int4; empty: chosen."))
    ] = "",
    max_model_len: Annotated[int, typer.Option(metavar="TOKENS", help=N_("0: the longest that fits."))] = 0,
    max_num_seqs: Annotated[int, typer.Option(metavar="N", help=N_("0: the engine's default."))] = 0,
    max_num_batched_tokens: Annotated[int, typer.Option(metavar="TOKENS", help=N_("0: the engine's."))] = 0,
    gpu_memory_utilization: Annotated[float, typer.Option(metavar="SHARE", help=N_("Of each accelerator."))] = 0.90,
    kv_cache_dtype: Annotated[str, typer.Option(metavar="TYPE", help=N_("auto or fp8."))] = "auto",
    engine: Annotated[str, typer.Option(metavar="NAME", help=N_("An engine of the catalog, or auto."))] = "auto",
    enforce_eager: Annotated[
        bool, typer.Option("--enforce-eager", metavar="", help=N_("Without CUDA graphs."))
    ] = False,
    as_json: Json = False,
) -> None:
    """Print whether a model fits."""
    console = make_console(stderr=as_json)
    if bool(model) == (config is not None):
        usage = Problem("usage", N_("Exactly one of --model and --config is needed."), N_("Give one of them."))
        _refuse([usage], as_json)
    if not 1 <= nodes <= _MOST_NODES:
        usage = Problem(
            "usage",
            N_("Option --nodes is {nodes}."),
            N_("Give a number of nodes from 1 to {most}."),
            nodes=nodes,
            most=_MOST_NODES,
        )
        _refuse([usage], as_json)
    asked: dict[str, Any] = {
        "model": str(config.expanduser().resolve()) if config else model,
        "checkpoint": checkpoint,
        "engine": engine,
        "precision": precision,
        "tensor_parallel_size": tp,
        "pipeline_parallel_size": pp,
        "max_model_len": max_model_len,
        "max_num_seqs": max_num_seqs,
        "max_num_batched_tokens": max_num_batched_tokens,
        "gpu_memory_utilization": gpu_memory_utilization,
        "kv_cache_dtype": kv_cache_dtype,
        "enforce_eager": enforce_eager,
    }
    # A layout that was asked for says how many accelerators there are, unless their number was given too.
    if tp > 0 and not per_node and nodes == 1:
        per_node = tp * max(1, pp)
    asked |= {"accelerators_per_node": per_node}
    if problems := [_with_option(problem) for problem in settings_problems(asked)]:
        _refuse(problems, as_json)
    result = estimate_plan(Settings(**asked), accelerator, nodes, per_node)
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


def _print(result: Estimate) -> None:
    console, form = make_console(), result.as_dict()
    if form["weights_gib_per_gpu"] is not None:
        rows = [
            (N_("Checkpoint"), N_("{checkpoint} ({precision}, computed in {dtype})")),
            (N_("Engine"), "{engine} {engine_version}"),
            (N_("Accelerators"), "{accelerators} × {accelerator}"),
            (N_("Parallel"), N_("tensor {tensor_parallel_size}, pipeline {pipeline_parallel_size}")),
            (N_("Weights"), N_("{weights_gib_per_gpu:.2f} GiB a GPU")),
            (N_("Overhead"), N_("{overhead_gib_per_gpu:.2f} GiB a GPU, activations included")),
            (N_("KV cache"), N_("{kv_cache_gib_per_gpu:.2f} GiB a GPU = {kv_cache_tokens} tokens")),
            (N_("Context"), N_("{max_model_len} tokens, {max_concurrency:.1f} such sequences at once")),
        ]
        console.print(facts_table([(tr(name), tr(value, **form)) for name, value in rows]))
    for warning in result.plan.warnings:
        console.print(Text(f"  {shown(warning)}", style="yellow"), soft_wrap=True)
    _print_problems(console, result.plan.problems)
    if result.fits:
        console.print(Text(tr(N_("It fits.")), style="green"))


def option_of(setting: str) -> str:
    """Return the option that sets `setting`."""
    return _SHORT.get(setting) or f"--{setting.replace('_', '-')}"


def options_of(change: Mapping[str, Any]) -> str:
    """Return the options that make a change of settings, or of `nodes`; empty where some of it has no option.

    Settings without an option keep their default here, so that a change to it needs none.
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
    """Return the problem of a setting's value with the option that it came from in place of hosts."""
    option = option_of(str(problem.parameters["setting"]))
    return problem.with_parameters(hosts=Message("", N_("option {option}"), option=option))


def _print_problems(console: Console, problems: Iterable[Problem]) -> None:
    """Print problems, and where settings are all that has to change, the options that do it."""
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
    position=70,
    help=(
        N_("Estimate whether a model fits, and the context and concurrency it leaves room for."),
        N_(
            "Exits with code 1 for a name that the catalog does not have and with 3 when the model does not work there."
        ),
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
