"""Filters of the benchmark's client."""

from __future__ import annotations

from inferfleet.bench.client import client_image, client_version, image_digests, runs_vllm


class FilterModule:
    """The filters by name."""

    def filters(self):
        """Return them."""
        return {
            "bench_client_image": client_image,
            "bench_client_version": client_version,
            "bench_image_digests": image_digests,
            "bench_runs_vllm": runs_vllm,
        }
