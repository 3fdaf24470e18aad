"""Variables of roles, rendered by Ansible for every host system; no host is contacted."""

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
# ID, ID_LIKE, VERSION_ID and VERSION_CODENAME of each system's /etc/os-release, lower case, as node_facts returns them.
SYSTEMS = {
    "debian11": ("debian", "", "11", "bullseye"),
    "debian12": ("debian", "", "12", "bookworm"),
    "debian13": ("debian", "", "13", "trixie"),
    "ubuntu2204": ("ubuntu", "debian", "22.04", "jammy"),
    "ubuntu2404": ("ubuntu", "debian", "24.04", "noble"),
    "rocky9": ("rocky", "rhel centos fedora", "9.4", ""),
    "openeuler2203": ("openeuler", "", "22.03", ""),
    "kylinv10": ("kylin", "", "v10", ""),
}
KEYS = ("id", "id_like", "version_id", "version_codename")


def render_role(
    folder: Path,
    role: str,
    names: list[str],
    *,
    facts: dict[str, Any],
    variables: dict[str, Any] | None = None,
    systems: Iterable[str] = SYSTEMS,
) -> dict[str, dict[str, Any]]:
    """Return variables of a role: host system → variable → value. `folder` is an empty one to work in."""
    hosts = {
        name: {"x_system": dict(zip(KEYS, system, strict=True))} for name, system in SYSTEMS.items() if name in systems
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": {"x_facts": facts}}}))
    node = "{{ x_facts.inferfleet_node | default({}) | combine({'distribution': x_system}) }}"
    host_facts = {key: f"{{{{ x_facts.{key} }}}}" for key in facts} | {"inferfleet_node": node}
    wanted = ", ".join(f"'{name}': {name}" for name in names)
    files = ("defaults/main.yml", "vars/main.yml")
    play = {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {"ansible.builtin.set_fact": {**host_facts, "cacheable": True}},
            *({"ansible.builtin.include_vars": f"{ROOT}/roles/{role}/{file}"} for file in files),
            # Values of the user come last; in a run they override defaults as well.
            *([{"ansible.builtin.set_fact": variables}] if variables else []),
            {"ansible.builtin.debug": {"msg": f"{{{{ {{{wanted}}} | to_json }}}}"}},
        ],
    }
    (folder / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    env = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
    }
    command = ["ansible-playbook", "-i", str(folder / "hosts.yml"), str(folder / "play.yml")]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    results = json.loads(done.stdout)["plays"][0]["tasks"][-1]["hosts"]
    return {
        name: json.loads(result["msg"]) if isinstance(result["msg"], str) else result["msg"]
        for name, result in results.items()
    }
