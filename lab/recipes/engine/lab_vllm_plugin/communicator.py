"""The CPU communicator that uses shared memory only between ranks of one host."""

import socket

import torch
from vllm.distributed.device_communicators.cpu_communicator import CpuCommunicator


class LabCpuCommunicator(CpuCommunicator):  # type: ignore[misc]  # vllm is installed in the image only
    """vLLM's CPU communicator; ranks on different hosts talk through torch.distributed."""

    def _all_group_ranks_share_shm_group_name(self) -> bool:
        hosts: list[str] = [""] * self.world_size
        torch.distributed.all_gather_object(hosts, socket.gethostname(), group=self.device_group)
        return len(set(hosts)) == 1 and super()._all_group_ranks_share_shm_group_name()
