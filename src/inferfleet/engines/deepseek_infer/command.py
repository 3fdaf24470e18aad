"""The command lines of the inference demo in the DeepSeek-V3 repository (folder inference), as in its README."""

from inferfleet.engines.launch import Launch

CONFIG = "configs/config_671B.json"
EXPERTS = 256
"""Routed experts of DeepSeek-V3 and R1, which the conversion divides among the ranks."""
# generate.py's options in the README's example
_TEMPERATURE, _MAX_NEW_TOKENS = "0.7", "200"


def converted_path(model_path: str, ranks: int) -> str:
    """Return the folder with the checkpoint converted for `ranks` ranks, next to the original one."""
    return f"{model_path.rstrip('/')}-mp{ranks}"


def cast_argv(fp8_path: str, bf16_path: str) -> list[str]:
    """Return the command that converts FP8 weights to BF16; it requires an accelerator of compute capability 8.9."""
    return ["python3", "fp8_cast_bf16.py", "--input-fp8-hf-path", fp8_path, "--output-bf16-hf-path", bf16_path]


def convert_argv(model_path: str, save_path: str, ranks: int, experts: int = EXPERTS) -> list[str]:
    """Return the command that converts a checkpoint for `ranks` ranks; it needs much memory, but no accelerator."""
    argv = ["python3", "convert.py", "--hf-ckpt-path", model_path, "--save-path", save_path]
    return [*argv, "--n-experts", str(experts), "--model-parallel", str(ranks)]


def build_argv(launch: Launch, input_file: str = "") -> list[str]:
    """Return `torchrun … generate.py …` for one node: interactive, or over the prompts (one a line) of `input_file`."""
    argv = ["torchrun", "--nnodes", str(launch.nodes), "--nproc-per-node", str(launch.per_node)]
    argv += ["--node-rank", str(launch.rank), "--master-addr", launch.head, "--master-port", str(launch.port)]
    argv += ["generate.py", "--ckpt-path", converted_path(launch.model_path, launch.layout.tensor_parallel_size)]
    argv += ["--config", CONFIG]
    if input_file:
        return [*argv, "--input-file", input_file, *launch.extra]
    argv += ["--interactive", "--temperature", _TEMPERATURE, "--max-new-tokens", _MAX_NEW_TOKENS]
    return [*argv, *launch.extra]
