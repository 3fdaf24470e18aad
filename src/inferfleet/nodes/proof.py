"""The proof that a container of the engine's image sees every accelerator of its node."""

import re
from collections.abc import Mapping
from typing import Any

from inferfleet.catalog import load_cuda_errors

# What an engine does first: start the driver, count the devices. Every image of the catalog holds PyTorch.
_COUNT = "import torch; torch.{0}.init(); print('accelerators', torch.{0}.device_count())"
_COUNTERS = {
    "nvidia": _COUNT.format("cuda"),
    "amd": _COUNT.format("cuda"),  # ROCm's PyTorch answers under CUDA's name
    "ascend": "import torch_npu, " + _COUNT.format("npu").removeprefix("import "),
}


def proof_argv(plan: Mapping[str, Any], devices: list[str], *, cdi: bool = False) -> list[str]:
    """Return the command line of that container; empty where the vendor's devices cannot be counted this way."""
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


def seen(text: str) -> int | None:
    """Return how many accelerators the container counted; None where it did not come to counting."""
    found = re.search(r"^accelerators (\d+)$", text, re.MULTILINE)
    return int(found.group(1)) if found else None


def explain_blindness(result: Mapping[str, Any], wanted: int) -> str:
    """Return why a container does not see all of `wanted` accelerators, with a remedy; empty when it does."""
    text = f"{result.get('stdout') or ''}\n{result.get('stderr') or ''}"
    count = seen(text)
    if count == wanted:
        return ""
    if count:
        return (
            f"it sees {count} of {wanted} accelerators. Look for the others with `lspci` and in the kernel log, and"
            " whether CUDA_VISIBLE_DEVICES is set in the image."
        )
    for error in load_cuda_errors():
        if re.search(rf"(?:[Ee]rror:? {error.code}\b|{re.escape(error.name)}|{error.pattern})", text):
            return f"CUDA error {error.code} ({error.name}): {error.cause} {error.remedy}"
    if re.search(r"could not select device driver|unknown or invalid runtime|unresolvable CDI devices", text):
        return (
            "Docker does not know NVIDIA's container toolkit. Run the playbook prepare.yml again; where that changes"
            " nothing, look at `docker info` and /etc/docker/daemon.json for the runtime `nvidia`."
        )
    if re.search(r"Failed to initialize NVML: Unknown Error", text):
        return (
            "its devices were taken from it, as `systemctl daemon-reload` does where Docker's cgroups are systemd's."
            " Set container_runtime_nvidia_reload_fix to symlinks or cgroupfs."
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"it says {lines[-1][:300]!r}." if lines else "it says nothing."
