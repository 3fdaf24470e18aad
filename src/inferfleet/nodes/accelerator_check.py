"""Check that a container of the engine's image sees every accelerator of its node."""

import re
from collections.abc import Mapping
from typing import Any

from inferfleet.catalog import load_cuda_errors
from inferfleet.messages import N_, Message, Problem

# The first steps of an engine: initialize the driver, count the devices. Every image of the catalog has PyTorch.
_COUNT = "import torch; torch.{0}.init(); print('accelerators', torch.{0}.device_count())"
_COUNTERS = {
    "nvidia": _COUNT.format("cuda"),
    "amd": _COUNT.format("cuda"),  # ROCm's PyTorch uses the name cuda
    "ascend": "import torch_npu, " + _COUNT.format("npu").removeprefix("import "),
}


def accelerator_check_argv(plan: Mapping[str, Any], devices: list[str], *, cdi: bool = False) -> list[str]:
    """Return the command line of the check container; empty if this vendor's devices cannot be counted this way."""
    counter = _COUNTERS.get(str(plan["vendor"]))
    if counter is None:
        return []
    container = plan["container"]
    argv = ["docker", "run", "--rm", "--network=none"]
    if container["gpus"]:
        argv.append("--device=nvidia.com/gpu=all" if cdi else f"--gpus={container['gpus']}")
    if container["privileged"]:
        argv.append("--privileged")
    argv += [f"--device={device}" for device in devices if not device.startswith("/dev/infiniband")]
    return [*argv, "--entrypoint=python3", str(plan["image"]), "-c", counter]


def visible_count(text: str) -> int | None:
    """Return how many accelerators the container counted; None if it failed before."""
    found = re.search(r"^accelerators (\d+)$", text, re.MULTILINE)
    return int(found.group(1)) if found else None


def accelerators_not_visible(result: Mapping[str, Any], wanted: int, image: str, host: str) -> Problem | None:
    """Return why a container of `image` on `host` does not see all `wanted` accelerators; None if it does."""
    text = f"{result.get('stdout') or ''}\n{result.get('stderr') or ''}"
    count = visible_count(text)
    if count == wanted:
        return None
    message = N_("The accelerators of {host} are not visible in a container of {image}: {problem}")
    return _cause(text, count, wanted).of(message, image=image, host=host)


def _cause(text: str, count: int | None, wanted: int) -> Problem:
    if count:
        return Problem(
            "accelerators-missing",
            N_("it sees {count} of {wanted} accelerators."),
            N_(
                "Search for the others with `lspci` and in the kernel log, and check whether the image sets"
                " CUDA_VISIBLE_DEVICES."
            ),
            count=count,
            wanted=wanted,
        )
    for error in load_cuda_errors():
        if re.search(rf"(?:[Ee]rror:? {error.code}\b|{re.escape(error.name)}|{error.pattern})", text):
            about = {"cause": Message("", error.cause), "remedy": Message("", error.remedy)}
            message = N_("CUDA error {number} ({name}): {cause}")
            return Problem("cuda-error", message, "{remedy}", number=error.code, name=error.name, **about)
    if "unresolvable CDI devices" in text:
        message = N_("Docker finds no valid CDI description of the accelerators.")
        remedy = N_(
            "Check that /etc/cdi/nvidia.yaml exists, names the device `all`, and has a cdiVersion with its keys;"
            " `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml` writes it again."
        )
        return Problem("no-cdi-description", message, remedy)
    if re.search(r"could not select device driver|unknown or invalid runtime", text):
        remedy = N_(
            "Run the playbook prepare.yml again; if that does not help, check `docker info` and"
            " /etc/docker/daemon.json for the runtime `nvidia`."
        )
        return Problem("no-container-toolkit", N_("the NVIDIA Container Toolkit is not configured in Docker."), remedy)
    if re.search(r"Failed to initialize NVML: Unknown Error", text):
        message = N_(
            "the container lost its devices, as happens after `systemctl daemon-reload` with Docker's systemd cgroup"
            " driver."
        )
        remedy = N_("Set container_runtime_nvidia_reload_fix to symlinks or cgroupfs.")
        return Problem("devices-removed", message, remedy)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return Problem("no-output", N_("it printed nothing."), "")
    return Problem("unknown-output", N_("its last line is {line}."), "", line=repr(lines[-1][:300]))
