"""Settings of an evaluation, validated before it starts."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from inferfleet.evaluate.benchmarks import Benchmark, load_benchmarks
from inferfleet.evaluate.errors import EvaluationError
from inferfleet.evaluate.reference import Reference, find_reference, nearest
from inferfleet.messages import N_, Message, Problem

# EvalScope reads the first of default_val.jsonl, default.jsonl, default_val.csv and default.csv.
SPLITS = {"general_mcq": "val", "general_qa": "test"}
SUFFIXES = (".jsonl", ".csv")


class Dataset(BaseModel):
    """One data set. Empty `subsets` means all, `path` is the folder of its files, `args` are passed to EvalScope."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    subsets: tuple[str, ...] = ()
    path: str = ""
    args: dict[str, Any] = {}

    @property
    def own_data(self) -> bool:
        """Whether the questions are provided by the user instead of a benchmark."""
        return load_benchmarks()[self.name].own_data

    def files(self) -> dict[str, Path]:
        """Return the file with the questions of each subset; only for data of the user."""
        folder, found = Path(self.path), {}
        for subset in self.subsets or tuple(load_benchmarks()[self.name].subsets):
            names = [f"{subset}_{SPLITS[self.name]}", subset]
            files = [folder / f"{name}{suffix}" for suffix in SUFFIXES for name in names]
            found[subset] = next((file for file in files if file.is_file()), folder / f"{subset}.jsonl")
        return found


class Settings(BaseModel):
    """Settings of an evaluation. `limit` per subset: a count from 1, a share below 1, 0: all. `top_k` 0: not sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    datasets: tuple[Dataset, ...]
    limit: float = 0
    n: int = 1
    batch_size: int = 8
    max_tokens: int = 32768
    temperature: float = 0.6
    top_p: float = 0.95
    top_k: int = 0
    stream: bool = True
    timeout: int = 3600
    run_code: bool = False
    dataset_hub: str = "modelscope"
    reference: str = ""
    within: float = 3.0

    @property
    def local(self) -> bool:
        """Whether all data sets are local, so that nothing has to be downloaded."""
        return all(dataset.path for dataset in self.datasets)


def read_settings(given: Mapping[str, Any], folder: Path) -> tuple[Settings, Reference | None, list[Problem]]:
    """Return the settings, the reference, and the problems.

    `given` are the role's variables without their prefix; relative paths of data sets are resolved in `folder`.
    """
    entries, problems = [], []
    for entry in given["datasets"]:
        try:
            entries.append(_dataset(entry, folder))
        except EvaluationError as error:
            problems.append(error.problem)
    settings = Settings(**{**given, "datasets": entries})
    if not given["datasets"]:
        remedy = N_(
            "Specify data sets: `--dataset math_500 --dataset aime24`, or `evaluate_datasets: [math_500, aime24]`."
        )
        problems.append(Problem("no-dataset", N_("Variable evaluate_datasets is empty."), remedy))
    for dataset in settings.datasets:
        problems += _dataset_problems(dataset, settings)
    problems += _number_problems(settings)
    reference = None
    try:
        reference = find_reference(settings.reference) if settings.reference else None
    except EvaluationError as error:
        problems.append(error.problem)
    problems += _reference_problems(settings, reference)
    return settings, reference, problems


def _dataset(entry: Any, folder: Path) -> Dataset:
    """Return a data set from `name`, `name:subset,subset`, `name=folder`, or a mapping of Dataset's fields."""
    if isinstance(entry, str):
        words, _, path = entry.partition("=")
        name, _, subsets = words.partition(":")
        entry = {"name": name, "subsets": [word for word in subsets.split(",") if word], "path": path}
    try:
        dataset = Dataset.model_validate(entry)
    except ValueError:
        raise EvaluationError(
            "bad-dataset",
            N_("Variable evaluate_datasets has an entry {entry}, which is not a data set."),
            N_("Use a name, `name:subset,subset`, `name=folder`, or a mapping with name, subsets, path and args."),
            entry=repr(entry),
        ) from None
    path = dataset.path and str(folder / Path(dataset.path).expanduser())
    return dataset.model_copy(update={"path": path})


def _dataset_problems(dataset: Dataset, settings: Settings) -> list[Problem]:
    benchmarks, name = load_benchmarks(), repr(dataset.name)
    if dataset.name not in benchmarks:
        message = N_("Data set {name} of evaluate_datasets is not a text benchmark of EvalScope.")
        offered = nearest(dataset.name, benchmarks)
        return [Problem("unknown-dataset", message, "{nearest}", name=name, nearest=offered)]
    benchmark = benchmarks[dataset.name]
    if benchmark.judge:
        message = N_("Data set {name} of evaluate_datasets requires an LLM judge, which inferfleet does not provide.")
        remedy = N_("Choose a data set with reference answers, such as gpqa_diamond.")
        return [Problem("needs-judge", message, remedy, name=name)]
    problems = []
    if benchmark.runs_code and not settings.run_code:
        message = N_(
            "Data set {name} of evaluate_datasets runs code generated by the model on the controller, without a"
            " sandbox."
        )
        remedy = N_("Set evaluate_run_code to true on a disposable machine, or remove the data set.")
        problems.append(Problem("runs-code", message, remedy, name=name))
    if benchmark.own_data:
        return problems + _own_data_problems(dataset)
    for subset in dataset.subsets:
        if subset not in benchmark.subsets:
            message = N_("Data set {name} of evaluate_datasets has no subset {subset}.")
            about = {"name": name, "subset": repr(subset), "nearest": nearest(subset, benchmark.subsets)}
            problems.append(Problem("unknown-subset", message, "{nearest}", **about))
    if dataset.path and not Path(dataset.path).is_dir():
        message = N_("Data set {name} of evaluate_datasets has path {folder}, which is not a folder.")
        remedy = N_("Specify the folder with the data set's repository.")
        problems.append(Problem("no-data", message, remedy, name=name, folder=dataset.path))
    return problems


def _own_data_problems(dataset: Dataset) -> list[Problem]:
    if not dataset.path:
        message = N_("Data set '{name}' of evaluate_datasets needs a folder with the questions.")
        remedy = N_("Specify it: `--dataset {name}=/path/to/folder`.")
        return [Problem("no-data", message, remedy, name=dataset.name)]
    message = N_("Data set '{name}' of evaluate_datasets needs the file {file}, which does not exist.")
    remedy = N_("Create it as described in docs/en/accuracy.md, or specify an existing subset.")
    return [
        Problem("no-data", message, remedy, name=dataset.name, file=str(file))
        for file in dataset.files().values()
        if not file.is_file()
    ]


def _number_problems(settings: Settings) -> list[Problem]:
    ranges = (
        ("limit", 0, float("inf"), N_("Set a number of questions per subset (100), a share (0.1), or 0 for all.")),
        ("n", 1, 1024, N_("Set the number of answers per question, at least 1.")),
        ("batch_size", 1, 4096, N_("Set the number of concurrent questions, at least 1.")),
        ("max_tokens", 1, 10_000_000, N_("Set the number of tokens, at least 1.")),
        ("temperature", 0, 2, N_("Set a number from 0 to 2.")),
        ("top_p", 0, 1, N_("Set a number from 0 to 1.")),
        ("top_k", 0, 1_000_000, N_("Set a count, or 0 to disable it.")),
        ("timeout", 1, 1_000_000, N_("Set seconds, at least 1.")),
        ("within", 0, 100, N_("Set percentage points from 0 to 100.")),
    )
    problems = []
    for name, least, most, remedy in ranges:
        value = getattr(settings, name)
        share = name == "limit" and value > 1 and value != int(value)
        if not least <= value <= most or share:
            about = {"name": f"evaluate_{name}", "value": f"{value:g}", "remedy": Message("", remedy)}
            problems.append(Problem("bad-value", N_("Variable {name} is {value}."), "{remedy}", **about))
    return problems


def _reference_problems(settings: Settings, reference: Reference | None) -> list[Problem]:
    if reference is None:
        return []
    missing = [dataset.name for dataset in settings.datasets if dataset.name not in reference.scores]
    return [
        Problem(
            "no-reference-score",
            N_("Variable evaluate_reference is {reference}, which has no score for {dataset}."),
            N_("It has scores for {datasets}."),
            reference=repr(settings.reference),
            dataset=repr(name),
            datasets=sorted(reference.scores) or Message("", N_("nothing")),
        )
        for name in missing
        if name in load_benchmarks()
    ]


def questions_of(dataset: Dataset, limit: float) -> int:
    """Return the number of questions; subsets with an unknown number count as 0."""
    benchmark: Benchmark = load_benchmarks()[dataset.name]
    if benchmark.own_data:
        counts = [_records(file) for file in dataset.files().values()]
    else:
        counts = [benchmark.subsets[subset] for subset in dataset.subsets or benchmark.subsets]
    return sum(_limited(count, limit) for count in counts)


def _records(file: Path) -> int:
    with file.open(encoding="utf-8", newline="") as lines:
        if file.suffix == ".csv":
            return sum(1 for _ in csv.DictReader(lines))
        return sum(1 for line in lines if line.strip())


def _limited(count: int, limit: float) -> int:
    if not limit:
        return count
    return int(count * limit) if limit < 1 else min(count, int(limit))
