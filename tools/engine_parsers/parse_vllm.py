"""`vllm serve …` as vLLM parses it; the modules of its parser differ between versions."""

IMAGE = "/vllm-workspace/"


def load():
    """Return the parser and a function that parses one command line."""
    try:
        from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
    except ImportError:
        from vllm.entrypoints.openai.cli_args import make_arg_parser, validate_parsed_serve_args
    try:
        from vllm.utils.argparse_utils import FlexibleArgumentParser
    except ImportError:
        from vllm.utils import FlexibleArgumentParser

    parser = make_arg_parser(FlexibleArgumentParser(prog="vllm serve"))
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
        validate_parsed_serve_args(parsed)

    return parser, parse
