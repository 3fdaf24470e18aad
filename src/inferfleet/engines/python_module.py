"""Starting an engine that takes its API key as an option only, without showing the key to whoever lists processes."""


def python_module(module: str, flag: str, variable: str) -> list[str]:
    """Return `python3 …` that runs `module` with `flag` and the value of an environment variable added to its options.

    The option is added inside the process, so that neither `ps` nor the container's description holds the key.
    """
    return [
        "python3",
        "-c",
        f"import os, runpy, sys; sys.argv += ['{flag}', os.environ['{variable}']];"
        f" runpy.run_module('{module}', run_name='__main__', alter_sys=True)",
    ]
