"""The command `inferfleet`."""

from inferfleet.cli.app import make_app

__all__ = ["app"]

app = make_app()
