"""`lmdeploy serve api_server …` as LMDeploy parses it."""


def load():
    """Return the parser and a function that parses one command line."""
    from lmdeploy.cli.cli import CLI
    from lmdeploy.cli.serve import SubCliServe

    SubCliServe.add_parsers()
    serve = SubCliServe.subparsers.choices["api_server"]

    def parse(argv):
        # The command itself, or its entry point called by Python.
        start = 3 if argv[0] == "python3" else 1
        if argv[start : start + 2] != ["serve", "api_server"]:
            raise ValueError(f"{argv[: start + 2]} is not lmdeploy serve api_server")
        CLI.parser.parse_args(argv[start:])

    return serve, parse
