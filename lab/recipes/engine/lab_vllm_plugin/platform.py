"""The CPU platform with a Ray resource and a communicator that knows hosts."""

from vllm.platforms.cpu import CpuPlatform


class LabCpuPlatform(CpuPlatform):  # type: ignore[misc]  # vllm is installed in the image only
    """vLLM's CPU platform; a node's Ray resource `GPU` stands for its processor."""

    ray_device_key = "GPU"

    @classmethod
    def get_device_communicator_cls(cls) -> str:
        """Return the name of the communicator class."""
        return "lab_vllm_plugin.communicator.LabCpuCommunicator"
