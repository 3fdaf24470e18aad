"""The part of Ansible's module API that the modules use; ansible-core ships no types."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

class AnsibleModule:
    params: dict[str, Any]
    check_mode: bool
    def __init__(
        self,
        argument_spec: Mapping[str, Mapping[str, Any]],
        *,
        required_together: Sequence[Sequence[str]] = ...,
        required_if: Sequence[Sequence[Any]] = ...,
        mutually_exclusive: Sequence[Sequence[str]] = ...,
        supports_check_mode: bool = ...,
    ) -> None: ...
    def exit_json(self, **result: Any) -> NoReturn: ...
    def fail_json(self, msg: str, **result: Any) -> NoReturn: ...
    def warn(self, warning: str) -> None: ...
    def get_bin_path(self, arg: str, required: bool = ..., opt_dirs: Sequence[str] | None = ...) -> str | None: ...
    def run_command(
        self, args: Sequence[str], check_rc: bool = ..., data: str | None = ...
    ) -> tuple[int, str, str]: ...
