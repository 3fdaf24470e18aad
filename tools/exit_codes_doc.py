"""Generate exit-codes.md in both languages from the outcomes of commands."""

from collections.abc import Iterator
from pathlib import Path

from inferfleet.messages import N_, gettext
from inferfleet.runner.outcome import EXIT_CODES, Outcome

DOCS = Path(__file__).resolve().parents[1] / "docs"
_TITLE = N_("Exit codes")
_PURPOSE = N_("React to the result of a command in a script:")
_EXAMPLE = '    inferfleet status -i inventories/mine || echo "exit code $?"'
_ORIGIN = N_("""\
With `--json`, `outcome` and `exit_code` of the [document](json.md) have the same. This page is generated from
`src/inferfleet/runner/outcome.py` by `make references`.""")
_COLUMNS = (N_("Code"), "`outcome`", N_("Commands"), N_("Meaning"), N_("What to do"))
_ALL, _RUNS = N_("all"), N_("all that connect to nodes")
_ROWS = {
    Outcome.OK: (_ALL, N_("Success. `status`: everything answers. `doctor`: no symptom."), "–"),
    Outcome.BAD_INPUT: (
        _ALL,
        N_(
            "Wrong usage, an invalid inventory, a run that another one excludes (`busy`), or a playbook that Ansible"
            " cannot parse. Nothing was changed."
        ),
        N_("Correct what the message names."),
    ),
    Outcome.FAILED: (
        _RUNS,
        N_(
            "A task failed. `status`: something does not answer. `doctor`: an error prevents the service from working."
            " `drain`: requests are still running. `evaluate`: questions got no answer."
            " `fabric`: the network is too slow."
        ),
        N_("Run `inferfleet doctor`; after the repair run the same command again, it continues."),
    ),
    Outcome.REQUIREMENTS_NOT_MET: (
        N_("`plan`, `estimate`, `check`, and all that deploy"),
        N_("The hardware does not meet the requirements of the settings. Nothing was changed."),
        N_("Apply one of the suggested settings; see [Rejected configurations](planner.md#rejected-configurations)."),
    ),
    Outcome.UNREACHABLE: (
        _RUNS,
        N_("A host does not answer."),
        N_("Try the printed `ssh` command; see [SSH access](ssh-access.md)."),
    ),
    Outcome.CHANGES_DETECTED: (
        N_("those with `--assert-no-change`"),
        N_("Something changed on the nodes."),
        N_("`changed_tasks` lists what differed from the inventory."),
    ),
    Outcome.THRESHOLD_NOT_MET: (
        N_("`bench --compare`, `evaluate --reference`, `upgrade --compare` and `--evaluate`"),
        N_("A metric is worse by more than the limit, or a score is below its reference."),
        N_("Compare the versions and settings of both runs."),
    ),
    Outcome.WARNINGS: (
        "`doctor`",
        N_("Warnings, or errors in the logs that no symptom explains, and nothing worse."),
        N_("Read the remedies; the service works."),
    ),
    Outcome.INTERRUPTED: (_RUNS, N_("Ctrl-C, SIGTERM or SIGHUP."), N_("Run the same command again, it continues.")),
}


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield each generated page with its content."""
    for language in ("en", "zh"):
        yield DOCS / language / "exit-codes.md", render(language)


def render(language: str) -> str:
    """Return the page in a language."""
    title, purpose, origin = (gettext(text, language) for text in (_TITLE, _PURPOSE, _ORIGIN))
    rows = [(str(code), f"`{outcome}`", *_ROWS[outcome]) for outcome, code in EXIT_CODES.items()]
    head, *table = (f"| {' | '.join(gettext(cell, language) for cell in row)} |" for row in (_COLUMNS, *rows))
    return "\n".join(
        [f"# {title}", "", purpose, "", _EXAMPLE, "", origin, "", head, "|---" * len(_COLUMNS) + "|", *table, ""]
    )
