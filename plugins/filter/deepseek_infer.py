"""Filters of the role deepseek_infer."""

from __future__ import annotations

from inferfleet.deepseek_infer import batch_argv, conversion_steps, converted_files, docker_run, holders


def deepseek_infer_steps(model_path, cast_path, save_path, ranks, experts, cast):
    """Return the programs that convert a checkpoint."""
    return conversion_steps(model_path, cast_path, save_path, ranks=ranks, experts=experts, cast=cast)


def deepseek_infer_files(source_files, ranks):
    """Return the file names of a complete conversion."""
    return converted_files(ranks, source_files)


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "deepseek_infer_batch": batch_argv,
            "deepseek_infer_files": deepseek_infer_files,
            "deepseek_infer_holders": holders,
            "deepseek_infer_steps": deepseek_infer_steps,
            "docker_run": lambda options, cdi=False: docker_run(options, cdi=cdi),
        }
