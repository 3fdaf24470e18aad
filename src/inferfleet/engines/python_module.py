"""Start an engine that accepts its API key only as an option, without exposing the key in the process list."""


def python_module(module: str, flag: str, variable: str) -> list[str]:
    """Return `python3 …` that runs `module` with `flag` and the value of an environment variable added to its options.

    The option is added inside the process, so that neither `ps` nor `docker inspect` shows the key.
    """
    return [
        "python3",
        "-c",
        f"import os, runpy, sys; sys.argv += ['{flag}', os.environ['{variable}']];"
        f" runpy.run_module('{module}', run_name='__main__', alter_sys=True)",
    ]
