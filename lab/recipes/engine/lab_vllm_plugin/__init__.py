"""A vLLM platform plugin for the test cluster only: CPU containers that stand for GPU servers.

vLLM's own CPU platform names no Ray resource, so its Ray executor finds no place for a rank, and it uses shared memory
although the ranks run on different hosts. Both are right on one server and wrong here.
"""


def platform() -> str:
    """Return the name of the platform class, as vLLM's entry point group `vllm.platform_plugins` wants it."""
    return "lab_vllm_plugin.platform.LabCpuPlatform"
