"""Filters that collect values of several hosts."""

from __future__ import annotations

from inferfleet.hostvars import by_host, secret_files


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {"by_host": by_host, "secret_files": secret_files}
