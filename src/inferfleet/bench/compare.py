"""Compare two runs with the same workload, and find regressions beyond a limit."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from inferfleet.bench.run import Measurement, Run
from inferfleet.messages import N_, Message, Problem

# Latencies are compared by median: with few requests the 99th percentile is the slowest one and dominates the mean.
_HIGHER_IS_BETTER = ("request_throughput", "output_throughput", "total_token_throughput")
_LOWER_IS_BETTER = ("ttft_ms", "tpot_ms", "itl_ms", "e2el_ms")
_SHAPE = ("input_len", "output_len", "ignore_eos")
# Differences in these are reported: they are usually the purpose of a comparison.
_COMPARED_PLAN_KEYS = (
    *(
        "model",
        "checkpoint",
        "precision",
        "dtype",
        "engine",
        "engine_version",
        "executor",
        "accelerator",
        "accelerators",
    ),
    *("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "expert_parallel_size", "transport"),
    *("max_model_len", "max_num_seqs", "gpu_memory_utilization", "kv_cache_dtype"),
)
_COMPARED_VERSIONS = ("image", "image_digest", "bench_image", "bench_image_digest", "inferfleet")


@dataclass(frozen=True, slots=True)
class Change:
    """One metric at one concurrency; `change` is relative to the first run, and None if that was 0."""

    concurrency: int
    metric: str
    first: float
    second: float
    change: float | None
    regressed: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that differs between the measured services."""

    name: str
    first: Any
    second: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """Comparison of two runs; `problems` is not empty if they cannot be compared."""

    limit: float
    changes: list[Change] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    notes: list[Message] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def regressions(self) -> list[Change]:
        """Return the metrics that are worse by more than the limit."""
        return [change for change in self.changes if change.regressed]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "limit": self.limit,
            "changes": [asdict(change) for change in self.changes],
            "differences": [asdict(difference) for difference in self.differences],
            "notes": [note.as_dict() for note in self.notes],
            "problems": [problem.as_dict() for problem in self.problems],
        }


def compare(first: Run, second: Run, limit: float) -> Comparison:
    """Return how `second` differs from `first`; worse by more than `limit` (0.05 for 5 %) is a regression."""
    if problems := [*_other_shape(first, second), *_nothing_common(first, second)]:
        return Comparison(limit, problems=problems)
    before = {measurement.concurrency: measurement for measurement in first.measurements}
    pairs = [(before[m.concurrency], m) for m in second.measurements if m.concurrency in before]
    changes = [change for pair in pairs for change in _changes(*pair, limit)]
    return Comparison(limit, changes, differences(first, second), _notes(first, second, pairs))


def regression_problem(compared: Comparison, folder: str) -> Problem:
    """Return the problem of a run, saved in `folder`, that is worse than the first one by more than the limit."""
    worst = N_("{metric} at concurrency {concurrency}: {first} before, {second} now")
    return Problem(
        "performance-regressed",
        N_("The benchmark regressed by more than {limit} %: {changes}."),
        N_("Compare the runs with `inferfleet bench --compare`: the new one is {folder}."),
        limit=f"{compared.limit * 100:g}",
        changes=[
            Message(
                "",
                worst,
                metric=change.metric,
                concurrency=change.concurrency,
                first=f"{change.first:.2f}",
                second=f"{change.second:.2f}",
            )
            for change in compared.regressions
        ],
        folder=folder,
    )


def differences(first: Run, second: Run) -> list[Difference]:
    """Return the settings in which the services differ."""
    parts = ((first.plan, second.plan, _COMPARED_PLAN_KEYS), (first.versions, second.versions, _COMPARED_VERSIONS))
    return [
        Difference(name, a.get(name), b.get(name))
        for a, b, names in parts
        for name in names
        if a.get(name) != b.get(name)
    ]


def _other_shape(first: Run, second: Run) -> list[Problem]:
    shapes = [{name: getattr(run.sweep, name) for name in _SHAPE} for run in (first, second)]
    if shapes[0] == shapes[1]:
        return []
    first_shape, second_shape = ([f"{name} {value}" for name, value in shape.items()] for shape in shapes)
    return [
        Problem(
            "other-shape",
            N_("The runs have different workloads: the first {first}, the second {second}."),
            N_("Compare runs with the same preset and lengths."),
            first=first_shape,
            second=second_shape,
        )
    ]


def _nothing_common(first: Run, second: Run) -> list[Problem]:
    measured = [{measurement.concurrency for measurement in run.measurements} for run in (first, second)]
    if measured[0] & measured[1]:
        return []
    first_measured, second_measured = (sorted(one) or Message("", N_("nothing")) for one in measured)
    return [
        Problem(
            "nothing-common",
            N_("The runs have no concurrency in common: the first measured {first}, the second {second}."),
            N_("Repeat the second run with the --concurrency of the first."),
            first=first_measured,
            second=second_measured,
        )
    ]


def _changes(first: Measurement, second: Measurement, limit: float) -> list[Change]:
    found = []
    for name in _HIGHER_IS_BETTER:
        found.append(_change(first, name, getattr(first, name), getattr(second, name), limit, better=1))
    for name in _LOWER_IS_BETTER:
        a, b = getattr(first, name), getattr(second, name)
        found.append(_change(first, f"median_{name}", a.median, b.median, limit, better=-1))
    share = [measurement.failed / measurement.num_prompts for measurement in (first, second)]
    more_failed = share[1] > share[0]
    return [*found, Change(first.concurrency, "failed", first.failed, second.failed, None, more_failed)]


def _change(at: Measurement, metric: str, first: float, second: float, limit: float, *, better: int) -> Change:
    change = (second - first) / first if first else None
    # Rounded, so that a change of exactly the limit does not exceed it due to floating point.
    regressed = change is not None and round(-better * change, 9) > limit
    return Change(at.concurrency, metric, first, second, change, regressed)


def _notes(first: Run, second: Run, pairs: list[tuple[Measurement, Measurement]]) -> list[Message]:
    common = {a.concurrency for a, _ in pairs}
    notes = []
    runs = (
        (first, N_("Only the first run measured concurrency {concurrency}."), N_("The first run was interrupted.")),
        (second, N_("Only the second run measured concurrency {concurrency}."), N_("The second run was interrupted.")),
    )
    for run, only, interrupted in runs:
        alone = [m.concurrency for m in run.measurements if m.concurrency not in common]
        if alone:
            notes.append(Message("only-one-measured", only, concurrency=alone))
        if not run.ended:
            notes.append(Message("interrupted", interrupted))
    counts = N_("{concurrency} ({first} and {second})")
    other = [
        Message("", counts, concurrency=a.concurrency, first=a.num_prompts, second=b.num_prompts)
        for a, b in pairs
        if a.num_prompts != b.num_prompts
    ]
    if other:
        text = N_("The runs sent different numbers of requests at concurrency {others}.")
        notes.append(Message("other-counts", text, others=other))
    if first.sweep.preset != second.sweep.preset:
        text = N_("The presets differ in name only: {first} and {second}.")
        notes.append(Message("other-preset", text, first=first.sweep.preset, second=second.sweep.preset))
    return notes


def changed_settings(recorded: Mapping[str, Any], planned: Mapping[str, Any]) -> list[Message]:
    """Return the settings in which a plan differs from a recorded one; empty if it is the same service."""
    names, text = ("image", *_COMPARED_PLAN_KEYS), N_("{name} was {before} and is {now}")
    return [
        Message("", text, name=name, before=str(recorded.get(name)), now=str(planned.get(name)))
        for name in names
        if recorded.get(name) != planned.get(name)
    ]
