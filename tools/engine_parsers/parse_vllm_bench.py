"""`vllm bench serve …` as vLLM parses it.

Its data sets import the LoRA loader, which imports kernels that not every machine has: a stub module replaces it.
"""

import sys
import types


def load():
    """Return the parser and a function that parses one command line."""
    adapters = types.ModuleType("vllm.lora.utils")
    adapters.get_adapter_absolute_path = None
    sys.modules[adapters.__name__] = adapters
    from vllm.benchmarks.serve import add_cli_args

    try:
        from vllm.utils.argparse_utils import FlexibleArgumentParser
    except ImportError:
        from vllm.utils import FlexibleArgumentParser

    parser = FlexibleArgumentParser(prog="vllm bench serve")
    add_cli_args(parser)

    def parse(argv):
        if argv[:3] != ["vllm", "bench", "serve"]:
            raise ValueError(f"{argv[:3]} is not vllm bench serve")
        parser.parse_args(argv[3:])

    return parser, parse
