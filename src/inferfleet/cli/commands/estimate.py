"""`inferfleet estimate`."""

from inferfleet.cli.estimate import estimate
from inferfleet.cli.registry import Command
from inferfleet.messages import N_

COMMAND = Command(
    name="estimate",
    run=estimate,
    position=70,
    help=(
        N_("Estimate whether a model fits, and the context and concurrency it leaves room for."),
        N_(
            "Exits with code 1 for a name that the catalog does not have and with 3 when the model does not work there."
        ),
    ),
    examples=(
        ("inferfleet estimate --model deepseek-r1 --accelerator H800-80G --nodes 2", ""),
        (
            "inferfleet estimate --model deepseek-r1-distill-qwen-32b --accelerator V100-32G --per-node 4"
            " --max-model-len 32768",
            "",
        ),
        ("inferfleet estimate --config ./config.json --accelerator A100-80G --precision int4 --json", ""),
    ),
)
