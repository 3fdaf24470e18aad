"""Record logs of failures on a machine with two NVIDIA GPUs, nvcc and PyTorch; otherwise stdlib only.

    OUT=FOLDER python3 tests/doctor/record_gpu.py

Run as root on a dedicated machine or container: it shrinks and restores /dev/shm. The logs in
tests/fixtures/doctor/recorded/ are trimmed to the relevant lines.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

OUT = Path(os.environ.get("OUT", "."))
ALL_REDUCE = """
import os, sys, time, datetime, torch, torch.distributed as dist
rank = int(os.environ["RANK"])
torch.cuda.set_device(rank)
dist.init_process_group("nccl", timeout=datetime.timedelta(seconds=8 if "slow" in sys.argv else 60))
tensor = torch.ones(1 << 20, device="cuda")
dist.all_reduce(tensor)
torch.cuda.synchronize()
if "slow" in sys.argv:  # the second rank is late
    if rank:
        time.sleep(40)
    dist.all_reduce(tensor)
    torch.cuda.synchronize()
"""
OTHER_GPU = r"""
import torch
from torch.utils.cpp_extension import load_inline
source = '''#include <c10/cuda/CUDAException.h>
__global__ void one(float* x) { x[0] = 1; }
torch::Tensor run(torch::Tensor x) { one<<<1, 1>>>(x.data_ptr<float>()); C10_CUDA_KERNEL_LAUNCH_CHECK(); return x; }'''
other = load_inline("other", "torch::Tensor run(torch::Tensor x);", source, functions=["run"])
other.run(torch.zeros(1, device="cuda"))
"""


def record(name: str, argv: list[str], environment: dict[str, str] | None = None, seconds: int = 90) -> None:
    """Run a command that fails, and save its output."""
    env = os.environ | {"NCCL_DEBUG": "INFO"} | (environment or {})
    try:
        done = subprocess.run(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, env=env, check=False
        )
        output = done.stdout
    except subprocess.TimeoutExpired as late:
        output = late.stdout or b""
    (OUT / f"{name}.log").write_bytes(output)


def main() -> None:
    """Record every case."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(ALL_REDUCE)
        script.flush()
        ranks = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", script.name]
        network = {"NCCL_P2P_DISABLE": "1", "NCCL_SHM_DISABLE": "1"}
        record("nccl_on_tcp", ranks, network | {"NCCL_IB_HCA": "=mlx5_0:1"})
        record("nccl_loopback", ranks, network | {"NCCL_SOCKET_IFNAME": "=lo"})
        record("nccl_no_interface", ranks, {"NCCL_SOCKET_IFNAME": "=bond7"})
        record("nccl_watchdog", [*ranks, "slow"])
        subprocess.run(["mount", "-o", "remount,size=4m", "/dev/shm"], check=True)
        record("shm_exhausted", ranks, {"NCCL_P2P_DISABLE": "1", "NCCL_CUMEM_HOST_ENABLE": "0"})
        subprocess.run(["mount", "-o", "remount,size=50%", "/dev/shm"], check=True)
    first = "import torch; torch.zeros(1, device='cuda')"
    record("no_kernel_image", [sys.executable, "-c", OTHER_GPU], {"TORCH_CUDA_ARCH_LIST": "10.0"}, seconds=240)
    record("gpu_out_of_memory", [sys.executable, "-c", "import torch; torch.empty(1 << 38, device='cuda')"])
    record("cuda_803", [sys.executable, "-c", first], {"LD_LIBRARY_PATH": "/usr/local/cuda/compat"})


if __name__ == "__main__":
    main()
