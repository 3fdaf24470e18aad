"""The application every command registers with."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from inferfleet import __version__
from inferfleet.cli.encoding import never_fail_to_write


class _Group(TyperGroup):
    """Leaves with 1 upon wrong usage: 2, the usual code, means here that a task failed."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        never_fail_to_write()
        try:
            return super().main(*args, **kwargs)
        except SystemExit as end:
            cause = end.__context__
            if cause is not None and not isinstance(cause, typer.Exit):
                raise SystemExit(1) from None
            raise


app = typer.Typer(
    name="inferfleet",
    cls=_Group,
    help="Turn bare GPU and NPU servers into one DeepSeek-R1 service.",
    epilog=(
        "Exit codes: 0 ok · 1 bad usage or inventory · 2 a task failed · 3 facts refused"
        " · 4 a host is unreachable · 5 something changed (--assert-no-change) · 6 a limit missed (bench, evaluate)"
        " · 7 warnings (doctor) · 130 interrupted"
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,  # locals may hold secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"inferfleet {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Turn bare GPU and NPU servers into one DeepSeek-R1 service."""
