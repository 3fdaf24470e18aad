"""Role variables rendered by Ansible for every host system; no host is contacted."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.role_variables import render_role


@pytest.fixture(scope="session")
def rendered(tmp_path_factory) -> Callable[..., dict[str, dict[str, Any]]]:
    """Return a function that renders variables of a role: host system → variable → value."""

    def render(role: str, names: list[str], **given: Any) -> dict[str, dict[str, Any]]:
        return render_role(tmp_path_factory.mktemp(role), role, names, **given)

    return render
