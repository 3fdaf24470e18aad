#!/usr/bin/env python3
"""Write engines' flags/<version>.yml from their own parsers: `python -m tools.engine_flags [NAME …]`.

Without a name (such as vllm-0.32.0) it writes the lists of all versions with a parser.
"""

import sys

from tools.engine_parsers import ENVIRONMENTS, EngineParser, Environment

from inferfleet.engines.discovery import flags_file


def render(environment: Environment, options: list[list[str]]) -> str:
    """Return the content of the option list of one version."""
    lines = [
        "---",
        f"# Every option of {environment.engine} {environment.version}, each with all its spellings.",
        "# Written by tools/engine_flags.py from the engine's own parser: edit that, not this.",
        "options:",
        *(f"  - [{', '.join(spellings)}]" for spellings in options),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the lists of the versions on the command line, or of all."""
    for environment in ENVIRONMENTS:
        if len(sys.argv) == 1 or environment.name in sys.argv[1:]:
            file = flags_file(environment.engine, environment.version)
            file.parent.mkdir(exist_ok=True)
            with EngineParser(environment) as parser:
                file.write_text(render(environment, parser.options()))


if __name__ == "__main__":
    main()
