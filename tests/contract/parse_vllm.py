"""Runs inside the engine's environment: for each line on stdin, a JSON list of argvs, prints vLLM's answers to them.

An empty string is a yes. Prefixes of options do not count as the option: a user's typing error is one.
"""

import contextlib
import io
import json
import sys


def main() -> None:
    """Parse every `vllm serve …` of each line and print the list of answers."""
    with contextlib.redirect_stdout(sys.stderr):
        from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
        from vllm.utils.argparse_utils import FlexibleArgumentParser

        parser = make_arg_parser(FlexibleArgumentParser(prog="vllm serve", allow_abbrev=False))
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            answers = [answer(parser, validate_parsed_serve_args, argv) for argv in json.loads(line)]
        print(json.dumps(answers), flush=True)


def answer(parser, validate, argv: list[str]) -> str:
    """Return the parser's complaint about one command line."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parsed = parser.parse_args(argv[2:])
            parsed.model = parsed.model_tag or parsed.model
            validate(parsed)
    except SystemExit:
        return said.getvalue().strip().splitlines()[-1]
    except (TypeError, ValueError) as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main()
