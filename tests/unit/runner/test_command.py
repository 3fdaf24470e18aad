"""The command line and environment of ansible-playbook."""

from pathlib import Path

import pytest

from inferfleet.runner.command import Access, Request, arguments, bound_to_parent, environment, shown_command
from inferfleet.runner.extra_vars import parse_extra_vars

ROOT = Path("/opt/inferfleet")
PLAIN = Request(root=ROOT, playbook="site.yml", inventory="/opt/inferfleet/inventories/lab")
FULL = Request(
    root=ROOT,
    playbook="playbooks/reset.yml",
    inventory="/etc/my fleet.yml",
    extra_vars=parse_extra_vars(["model=r1", "engine_api_key=hush"], ROOT),
    limit="node1:node2",
    tags="open_webui,verify",
    skip_tags="slow",
    check=True,
    diff=True,
    forks=8,
    verbosity=3,
    access=Access(
        user="ops",
        private_key=Path("/root/.ssh/key"),
        become=True,
        vault_password_file=Path("/opt/inferfleet/.vault"),
        ssh_password="hush",
        become_password="hush",
        vault_password="hush",
    ),
)


def test_arguments_of_a_plain_run() -> None:
    assert arguments(PLAIN, []) == ["-i", "/opt/inferfleet/inventories/lab", "/opt/inferfleet/site.yml"]


def test_arguments_of_a_run_with_all_options() -> None:
    files = [Path("/tmp/x/0.json"), Path("/etc/vars.yml")]
    assert arguments(FULL, files) == [
        *("-i", "/etc/my fleet.yml", "--limit", "node1:node2", "--tags", "open_webui,verify", "--skip-tags", "slow"),
        *("--forks", "8", "--check", "--diff", "--user", "ops", "--private-key", "/root/.ssh/key"),
        *("--vault-password-file", "/opt/inferfleet/.vault", "--become", "--ask-pass", "--ask-become-pass"),
        "--ask-vault-pass",
        *("-vv", "-e", "@/tmp/x/0.json", "-e", "@/etc/vars.yml", "/opt/inferfleet/playbooks/reset.yml"),
    ]


def test_secrets_are_in_no_argument_and_not_shown() -> None:
    assert "hush" not in repr(arguments(FULL, [])) + shown_command(FULL, ROOT) + repr(FULL.access)


def test_shown_command_is_relative_inside_the_checkout() -> None:
    assert shown_command(PLAIN, ROOT) == "ansible-playbook site.yml -i inventories/lab"


def test_shown_command_works_from_other_folders() -> None:
    assert shown_command(PLAIN, Path("/root")) == "cd /opt/inferfleet && ansible-playbook site.yml -i inventories/lab"


def test_shown_command_is_quoted_and_masked() -> None:
    assert shown_command(FULL, ROOT) == (
        "ansible-playbook playbooks/reset.yml -i '/etc/my fleet.yml' --limit node1:node2 --tags open_webui,verify"
        " --skip-tags slow --forks 8 --check --diff --user ops --private-key /root/.ssh/key"
        " --vault-password-file .vault --become --ask-pass --ask-become-pass --ask-vault-pass -vv"
        " -e model=r1 -e 'engine_api_key=********'"
    )


def test_single_v_does_not_increase_ansible_verbosity() -> None:
    request = Request(root=ROOT, playbook="site.yml", inventory="a,", verbosity=1)
    assert shown_command(request, ROOT) == "ansible-playbook site.yml -i a,"


def test_run_is_bound_to_its_parent_if_setpriv_is_available() -> None:
    assert bound_to_parent(["x", "-y"], "/usr/bin/setpriv") == ["/usr/bin/setpriv", "--pdeathsig", "TERM", "x", "-y"]
    assert bound_to_parent(["x", "-y"], None) == ["x", "-y"]


@pytest.mark.parametrize(
    ("config", "checking"),
    [(None, "True"), ("[defaults]\nforks = 5\n", "True"), ("[defaults]\nhost_key_checking = false\n", "false")],
)
def test_environment(tmp_path: Path, config: str | None, checking: str) -> None:
    expected = {
        "PATH": "/venv/bin:/usr/bin",
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOST_KEY_CHECKING": checking,
    }
    if config is not None:
        (tmp_path / "ansible.cfg").write_text(config)
        expected["ANSIBLE_CONFIG"] = str(tmp_path / "ansible.cfg")
    assert environment(tmp_path, {"PATH": "/usr/bin"}, Path("/venv/bin"), color=False) == expected


def test_callback_plugins_of_the_checkout_are_added_to_those_of_the_user(tmp_path: Path) -> None:
    own = tmp_path / "plugins/callback"
    own.mkdir(parents=True)
    for env, expected in (({}, f"{own}"), ({"ANSIBLE_CALLBACK_PLUGINS": "/mine"}, f"{own}:/mine")):
        assert environment(tmp_path, env, Path("/venv/bin"), color=False)["ANSIBLE_CALLBACK_PLUGINS"] == expected


def test_user_setting_of_host_key_checking_is_kept(tmp_path: Path) -> None:
    env = {"PATH": "/usr/bin", "ANSIBLE_HOST_KEY_CHECKING": "False"}
    assert "ANSIBLE_HOST_KEY_CHECKING" not in environment(tmp_path, env, Path("/venv/bin"), color=True)
