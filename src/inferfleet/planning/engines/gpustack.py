"""GPUStack's command line: it starts engines itself, so the plan only joins the nodes."""

from inferfleet.planning.engines.request import Launch


def gpustack_argv(launch: Launch) -> list[str]:
    """Return the image's entry point, which ends in `gpustack start`, with that command's options.

    The entry point starts the services that GPUStack needs beside it. The registration token comes from the
    environment.
    """
    argv = ["/usr/bin/entrypoint.sh"]
    if launch.is_head:
        argv += ["--port", str(launch.port), "--enable-worker"]
    else:
        argv += ["--server-url", f"http://{launch.head}:{launch.port}"]
    return [*argv, "--worker-ip", launch.addresses[launch.rank], *launch.extra]
