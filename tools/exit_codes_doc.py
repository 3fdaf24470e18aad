"""Generate docs/en/exit-codes.md from the outcomes of commands."""

from collections.abc import Iterator
from pathlib import Path

from inferfleet.runner.outcome import EXIT_CODES, Outcome

TARGET = Path(__file__).resolve().parents[1] / "docs" / "en" / "exit-codes.md"
_HEAD = """\
# Exit codes

React to the result of a command in a script:

    inferfleet status -i inventories/mine || echo "exit code $?"

With `--json`, `outcome` and `exit_code` of the [document](json.md) have the same. This page is generated from
`src/inferfleet/runner/outcome.py` by `make references`.

| Code | `outcome` | Commands | Meaning | What to do |
|---|---|---|---|---|
"""
_ALL, _RUNS = "all", "all that connect to nodes"
_ROWS = {
    Outcome.OK: (_ALL, "Success. `status`: everything answers. `doctor`: no symptom.", "–"),
    Outcome.BAD_INPUT: (
        _ALL,
        "Wrong usage, an invalid inventory, a run that another one excludes (`busy`), or a playbook that Ansible cannot"
        " parse. Nothing was changed.",
        "Correct what the message names.",
    ),
    Outcome.FAILED: (
        _RUNS,
        "A task failed. `status`: something does not answer. `doctor`: an error prevents the service from working."
        " `drain`: requests are still running. `evaluate`: questions got no answer.",
        "Run `inferfleet doctor`; after the repair run the same command again, it continues.",
    ),
    Outcome.REQUIREMENTS_NOT_MET: (
        "`plan`, `estimate`, `check`, and all that deploy",
        "The hardware does not meet the requirements of the settings. Nothing was changed.",
        "Apply one of the suggested settings; see [Rejected configurations](planner.md#rejected-configurations).",
    ),
    Outcome.UNREACHABLE: (
        _RUNS,
        "A host does not answer.",
        "Try the printed `ssh` command; see [SSH access](ssh-access.md).",
    ),
    Outcome.CHANGES_DETECTED: (
        "those with `--assert-no-change`",
        "Something changed on the nodes.",
        "`changed_tasks` lists what differed from the inventory.",
    ),
    Outcome.THRESHOLD_NOT_MET: (
        "`bench --compare`, `evaluate --reference`, `fabric`",
        "A metric is worse by more than `--limit`, a score is below its reference, or the network is too slow.",
        "Compare the versions and settings of both runs; see [Network](network.md#diagnose-slow-rdma).",
    ),
    Outcome.WARNINGS: (
        "`doctor`",
        "Warnings, or errors in the logs that no symptom explains, and nothing worse.",
        "Read the remedies; the service works.",
    ),
    Outcome.INTERRUPTED: (_RUNS, "Ctrl-C, SIGTERM or SIGHUP.", "Run the same command again, it continues."),
}


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the generated file with its content."""
    rows = [f"| {code} | `{outcome}` | {' | '.join(_ROWS[outcome])} |" for outcome, code in EXIT_CODES.items()]
    yield TARGET, _HEAD + "\n".join(rows) + "\n"
