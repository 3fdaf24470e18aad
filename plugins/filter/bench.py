"""Filters for the benchmark client."""

from __future__ import annotations

from inferfleet.bench.client import client_image, client_version, image_digests, runs_vllm


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "bench_client_image": client_image,
            "bench_client_version": client_version,
            "bench_image_digests": image_digests,
            "bench_runs_vllm": runs_vllm,
        }
