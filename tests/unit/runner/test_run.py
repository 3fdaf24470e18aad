"""The files that a run creates and removes."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible.constants import DEFAULT_VAULT_ID_MATCH
from ansible.parsing.vault import VaultLib, VaultSecret
from recording import Recorded

from inferfleet.runner.command import Access, Request
from inferfleet.runner.extra_vars import parse_extra_vars
from inferfleet.runner.logs import runs_folder
from inferfleet.runner.run import write_extra_vars

pytestmark = pytest.mark.slow  # runs ansible-playbook

SECRET = "hush-Zq81"


@pytest.fixture(scope="module")
def secret_run(record: Callable[..., Recorded], checkout: Path) -> Recorded:
    """Return a run with a secret, a file of variables and a vaulted value whose password is typed in."""
    vault = VaultLib([(DEFAULT_VAULT_ID_MATCH, VaultSecret(b"open sesame"))])
    encrypted = vault.encrypt("a vaulted value").decode()
    lines = "".join(f"    {line}\n" for line in encrypted.splitlines())
    (checkout / "vars.yml").write_text(f"from_file: yes it is\nengine_api_key: overridden\nvaulted: !vault |\n{lines}")
    return record(
        "playbooks/secret.yml",
        ["@vars.yml", f"engine_api_key={SECRET}"],
        access=Access(vault_password="open sesame", ssh_password="open seaside", become_password="open season"),
        tags="all",
    )


def test_secret_reaches_ansible_without_command_line(secret_run: Recorded) -> None:
    """The playbook itself looks through all processes."""
    assert secret_run.result.failures == ()
    assert secret_run.result.result == {
        "length": len(SECRET),
        "from_file": "yes it is",
        "vaulted": "a vaulted value",
    }
    assert (secret_run.result.rc, secret_run.result.complete) == (0, True)


def test_no_secret_remains_on_disk(secret_run: Recorded) -> None:
    log = Path(secret_run.result.log).parent
    texts = {path: path.read_text() for path in log.rglob("*") if path.is_file()}
    assert not [path for path, text in texts.items() if SECRET in text or "open sea" in text or "open sesame" in text]
    assert not (log / "command").exists()


def test_log_is_readable_by_owner_only(secret_run: Recorded) -> None:
    runs = runs_folder(secret_run.request.root, {})
    assert stat.S_IMODE(runs.stat().st_mode) == 0o700
    assert "TASK [Return the received variables]" in Path(secret_run.result.log).read_text()


def test_variable_files_are_readable_by_owner_only(tmp_path: Path) -> None:
    request = Request(tmp_path, "site.yml", "a,", extra_vars=parse_extra_vars([f"engine_api_key={SECRET}"], tmp_path))
    [path] = write_extra_vars(tmp_path, request)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {"engine_api_key": SECRET}
