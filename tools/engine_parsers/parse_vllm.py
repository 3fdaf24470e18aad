"""`vllm serve …` as vLLM parses it; the modules of its parser differ between versions."""

import importlib

IMAGE = "/vllm-workspace/"


def load():
    """Return the parser and a function that parses one command line."""
    cli_args = _module(
        "vllm.entrypoints.common.cli_args",
        "vllm.entrypoints.launchers.cli_args",  # until 0.32
        "vllm.entrypoints.openai.cli_args",  # until 0.17
    )
    new_parser = _module("vllm.utils.argparse_utils", "vllm.utils").FlexibleArgumentParser
    parser = cli_args.make_arg_parser(new_parser(prog="vllm serve"))
    if not any(action.dest == "model_tag" for action in parser._actions):
        # Until 0.10 `vllm serve` itself adds the model argument (vllm/entrypoints/cli/serve.py).
        parser.add_argument("model_tag", nargs="?")

    def parse(argv):
        if argv[:2] != ["vllm", "serve"]:
            raise ValueError(f"{argv[:2]} is not vllm serve")
        parsed = parser.parse_args(argv[2:])
        parsed.model = parsed.model_tag or parsed.model
        if parsed.chat_template and parsed.chat_template.startswith(IMAGE):
            parsed.chat_template = None  # a file that only the image has
        cli_args.validate_parsed_serve_args(parsed)

    return parser, parse


def _module(*names):
    """Return the first of these modules that this version has, the newest version's first."""
    for name in names[:-1]:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if not name.startswith(error.name):
                raise
    return importlib.import_module(names[-1])
