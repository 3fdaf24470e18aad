"""GPUStack's command line: it starts engines itself, so the plan only joins the nodes."""

from inferfleet.planning.engines.request import Launch


def gpustack_argv(launch: Launch) -> list[str]:
    """Return `gpustack start …`; the registration token comes from the environment."""
    argv = ["gpustack", "start"]
    if not launch.is_head:
        argv += ["--server-url", f"http://{launch.head}:{launch.port}"]
    return [*argv, *launch.extra]
