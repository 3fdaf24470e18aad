"""Entry point of the command `inferfleet`, also as `python -m inferfleet`."""

import os
import sys
from argparse import ArgumentParser

from inferfleet.messages import N_, Problem, language_from, use_language


def main() -> None:
    """Run the command line; print what is wrong with a data file of the catalog, an engine or a component."""
    from inferfleet.cli import app

    try:
        app()
    except ValueError as error:
        from inferfleet.catalog import CatalogError  # heavy, and needed only here

        if not isinstance(error, CatalogError):
            raise
        parser = ArgumentParser(add_help=False, allow_abbrev=False)
        parser.add_argument("--lang", default="")
        use_language(language_from(parser.parse_known_args()[0].lang, os.environ))
        problem = Problem("catalog-broken", "{reason}", N_("Correct that file."), reason=error.message)
        print(f"inferfleet: {problem}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
