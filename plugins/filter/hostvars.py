"""Filters that collect values of several hosts."""

from __future__ import annotations

from inferfleet.hostvars import by_host, secret_files


class FilterModule:
    """The filters by name."""

    def filters(self):
        """Return them."""
        return {"by_host": by_host, "secret_files": secret_files}
