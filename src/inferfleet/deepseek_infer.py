"""Conversion steps, output files and command lines of the role deepseek_infer."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inferfleet.engines.deepseek_infer.command import cast_argv, convert_argv

_INTERACTIVE = {"--interactive": 0, "--temperature": 1, "--max-new-tokens": 1}
_DOCKER = {"network_mode": "--network", "ipc_mode": "--ipc", "shm_size": "--shm-size"}


def conversion_steps(
    model_path: str, cast_path: str, save_path: str, *, ranks: int, experts: int, cast: bool
) -> list[dict[str, Any]]:
    """Return the programs that divide a checkpoint, in order: each with `name`, `phase` (what it does), `argv` and
    `accelerated` (needs a GPU).

    Paths are those inside the container; with `cast`, the BF16 weights are written to `cast_path` first. The number of
    experts is a multiple of the number of ranks (checked by the role).
    """
    cast_step = {
        "name": "cast",
        "phase": "casting the checkpoint to BF16",
        "argv": cast_argv(model_path, cast_path),
        "accelerated": True,
    }
    convert_step = {
        "name": "convert",
        "phase": f"converting the checkpoint for {ranks} ranks",
        "argv": convert_argv(cast_path if cast else model_path, save_path, ranks, experts),
        "accelerated": False,
    }
    return [cast_step, convert_step] if cast else [convert_step]


def converted_files(ranks: int, source_files: Iterable[str]) -> list[str]:
    """Return the files of a complete conversion: one weights file per rank, and the tokenizer's (`*token*`)."""
    return [f"model{rank}-mp{ranks}.safetensors" for rank in range(ranks)] + sorted(
        name for name in source_files if "token" in name
    )


def holders(conversions: Mapping[str, Mapping[str, Any]], identity: str) -> list[str]:
    """Return the hosts whose divided checkpoint is complete and belongs to the conversion `identity`."""
    return [host for host, found in conversions.items() if found["complete"] and found["about"]["revision"] == identity]


def batch_argv(argv: Sequence[str], input_file: str) -> list[str]:
    """Return the plan's interactive command line, changed to read prompts from `input_file`, one per line.

    generate.py's default temperature and length then apply, unless engine_extra_args sets them.
    """
    words = list(argv)
    at = words.index("--interactive")
    for option, values in _INTERACTIVE.items():
        first = words.index(option)  # the plan's own; options of engine_extra_args follow it
        del words[first : first + 1 + values]
    return [*words[:at], "--input-file", input_file, *words[at:]]


def docker_run(options: Mapping[str, Any], *, cdi: bool = False) -> str:
    """Return an interactive `docker run` command line equivalent to the options of `service_container`.

    `cdi`: pass NVIDIA accelerators through the Container Device Interface instead of NVIDIA's runtime.
    """
    planned = options["planned"]
    words = ["docker", "run", "--rm", "--interactive", "--tty", "--name", options["name"]]
    for key, option in _DOCKER.items():
        words += [option, planned[key]] if planned[key] else []
    words += ["--privileged"] if planned["privileged"] else []
    words += [word for cap in planned["cap_add"] for word in ("--cap-add", cap)]
    words += [word for limit in planned["ulimits"] for word in ("--ulimit", limit)]
    if planned["gpus"]:
        words += ["--device", "nvidia.com/gpu=all"] if cdi else ["--gpus", planned["gpus"]]
    words += [word for device in options["devices"] for word in ("--device", device)]
    words += [word for volume in options["volumes"] for word in ("--volume", volume)]
    words += [word for key, value in options["env"].items() for word in ("--env", f"{key}={value}")]
    first, *rest = options["argv"]
    words += ["--workdir", options["working_dir"], "--entrypoint", first, options["image"], *rest]
    return shlex.join(map(str, words))  # Ansible turns numeric strings into numbers
