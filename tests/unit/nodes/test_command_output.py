"""Reasons derived from the recorded output of commands on a node."""

import pytest

from inferfleet.nodes import (
    accelerator_check_argv,
    accelerators_not_visible,
    docker_start_error,
    package_spec,
    repository_reason,
)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            "W: GPG error: http://mirror/debian bookworm InRelease: The following signatures couldn't be verified"
            " because the public key is not available: NO_PUBKEY 6ED0E7B82643E131",
            "it is signed with a different key (W: GPG error: http://mirror/debian bookworm InRelease: The following"
            " signatures couldn't be verified because the public key is not available: NO_PUBKEY 6ED0E7B82643E131).",
        ),
        (
            "E: Failed to fetch http://198.18.5.1:9/dists/x/InRelease  Could not connect to 198.18.5.1:9 (198.18.5.1)."
            " - connect (111: Connection refused)",
            "it is unreachable (E: Failed to fetch http://198.18.5.1:9/dists/x/InRelease  Could not connect to"
            " 198.18.5.1:9 (198.18.5.1). - connect (111: Connection refused)).",
        ),
        (
            "E: The repository 'http://m/debian nosuch Release' does not have a Release file.",
            "the address has no repository (E: The repository 'http://m/debian nosuch Release' does not have a"
            " Release file).",
        ),
        ("", "no reason given."),
    ],
)
def test_repository_failure_reasons(output, reason):
    assert str(repository_reason({"stderr": output})) == reason


@pytest.mark.parametrize(
    ("journal", "error"),
    [
        (
            'time="2026-01-01" level=info msg="Starting up"\n'
            "failed to start daemon: unable to configure the Docker daemon with file /etc/docker/daemon.json: the"
            " following directives are specified both as a flag and in the configuration file: hosts\n"
            "docker.service: Failed with result 'exit-code'.",
            "failed to start daemon: unable to configure the Docker daemon with file /etc/docker/daemon.json: the"
            " following directives are specified both as a flag and in the configuration file: hosts.",
        ),
        ('time="x" level=fatal msg="failed to load \\"x\\": no space left"', 'failed to load "x": no space left.'),
        ("", "its journal is empty."),
    ],
)
def test_docker_start_error(journal, error):
    assert str(docker_start_error(journal)) == error


@pytest.mark.parametrize(
    ("manager", "version", "spec"),
    [
        ("apt", "", ["docker-ce"]),
        ("apt", "26.1.3", ["docker-ce=*26.1.3*"]),
        ("dnf", "26.1.3", ["docker-ce-26.1.3*"]),
    ],
)
def test_package_version_is_pinned(manager, version, spec):
    assert package_spec(["docker-ce"], version, manager) == spec


PLAN = {"vendor": "nvidia", "image": "vllm/vllm-openai:v0.17.1", "container": {"gpus": "all", "privileged": False}}
COUNT = "import torch; torch.cuda.init(); print('accelerators', torch.cuda.device_count())"


def test_accelerator_check_runs_the_engine_image():
    argv = accelerator_check_argv(PLAN, ["/dev/infiniband"])
    assert argv == [
        *("docker", "run", "--rm", "--network=none", "--gpus=all", "--entrypoint=python3"),
        *("vllm/vllm-openai:v0.17.1", "-c", COUNT),
    ]
    assert "--device=nvidia.com/gpu=all" in accelerator_check_argv(PLAN, [], cdi=True)


def test_accelerator_check_of_other_vendors():
    container = {"gpus": "", "privileged": False}
    amd = accelerator_check_argv({**PLAN, "vendor": "amd", "container": container}, ["/dev/kfd", "/dev/dri"])
    assert amd[4:6] == ["--device=/dev/kfd", "--device=/dev/dri"]
    assert accelerator_check_argv({**PLAN, "vendor": "ascend", "container": container}, [])[-1].startswith(
        "import torch_npu, torch;"
    )
    assert accelerator_check_argv({**PLAN, "vendor": "vastai", "container": container}, []) == []


@pytest.mark.parametrize(
    ("stdout", "stderr", "reason"),
    [
        ("accelerators 8\n", "", ""),
        (
            "banner\naccelerators 7\n",
            "",
            "it sees 7 of 8 accelerators. Search for the others with `lspci`",
        ),
        (
            "",
            "RuntimeError: Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling"
            " NumCudaDevices() that might have already set an error? Error 802: system not yet initialized",
            "CUDA error 802 (cudaErrorSystemNotReady): The fabric manager has not initialized the NVSwitches",
        ),
        (
            "",
            "Error 803: system has unsupported display driver / cuda driver combination",
            "CUDA error 803 (cudaErrorSystemDriverMismatch): The versions of kernel module and driver libraries differ",
        ),
        (
            "",
            "Error 804: forward compatibility was attempted on non supported HW",
            "CUDA error 804 (cudaErrorCompatNotSupportedOnDevice): The image's CUDA is newer than the driver",
        ),
        (
            "",
            'docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].',
            "the NVIDIA Container Toolkit is not configured in Docker. Run the playbook prepare.yml again",
        ),
        (
            "",
            "docker: Error response from daemon: CDI device injection failed: unresolvable CDI devices"
            " nvidia.com/gpu=all.",
            "Docker finds no valid CDI description of the accelerators. Check that /etc/cdi/nvidia.yaml exists",
        ),
        (
            "",
            "Failed to initialize NVML: Unknown Error",
            "the container lost its devices, as happens after `systemctl",
        ),
        (
            "",
            "Traceback\nModuleNotFoundError: No module named 'torch'",
            'its last line is "ModuleNotFoundError: No module named',
        ),
        ("", "", "it printed nothing."),
    ],
)
def test_reason_for_invisible_accelerators_simulated(stdout, stderr, reason):
    problem = accelerators_not_visible({"stdout": stdout, "stderr": stderr}, 8, "a/b:1", "n1")
    assert bool(problem) == bool(reason)
    assert not problem or str(problem).startswith(
        f"The accelerators of n1 are not visible in a container of a/b:1: {reason}"
    )
