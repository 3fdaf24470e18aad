#!/usr/bin/python
"""Packages that an unattended upgrade must leave alone; stdlib only, since it runs on the node."""

from __future__ import annotations

import os
import re
import shutil

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: package_hold
short_description: Hold installed packages at their version
description:
  - With dpkg, sets the selection C(hold), as C(apt-mark hold) does; with dnf, lists the packages in
    C(/etc/dnf/plugins/versionlock.list), which needs dnf's versionlock plug-in.
  - Packages that are not installed are passed over. All of them are done in one call, since one call for each takes
    about half a second a node.
  - Writes down which it held in C(/etc/inferfleet/held), so that O(state=absent) lets go of no other ones.
options:
  names:
    description: Packages; C(*) stands for any text.
    type: list
    elements: str
    required: true
  state:
    description: Whether they are held.
    type: str
    choices: [present, absent]
    default: present
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Keep Docker at its version
  package_hold:
    names: [docker-ce, containerd.io]

- name: Let go of what we held
  package_hold:
    names: ["*"]
    state: absent
"""

RETURN = r"""
held:
  description: Packages of C(names) that are held now by us or anyone.
  returned: always
  type: list
  elements: str
"""

RECORD = "/etc/inferfleet/held"
LOCKS = "/etc/dnf/plugins/versionlock.list"


def matching(names, installed):
    """Return the installed packages that `names` mean."""
    patterns = [re.compile(re.escape(name).replace(r"\*", ".*") + "$") for name in names]
    return sorted(package for package in installed if any(pattern.match(package) for pattern in patterns))


def dpkg_selections(module):
    """Return package → selection of what dpkg has installed."""
    query = ["dpkg-query", "--show", "--showformat", "${binary:Package} ${db:Status-Want} ${db:Status-Status}\n"]
    _, out, _ = module.run_command(query, check_rc=True)
    rows = (line.split() for line in out.splitlines())
    return {row[0]: row[1] for row in rows if row[2:] == ["installed"]}


def rpm_versions(module):
    """Return package → version and release of what rpm has installed."""
    query = ["rpm", "--query", "--all", "--queryformat", "%{NAME} %|EPOCH?{%{EPOCH}}:{0}|:%{VERSION}-%{RELEASE}\n"]
    _, out, _ = module.run_command(query, check_rc=True)
    return dict(line.split() for line in out.splitlines() if len(line.split()) == 2)


def lines_of(path):
    """Return a file's lines, none where there is no file."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def write_lines(path, lines):
    """Write a file of lines."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def hold(module, names, wanted):
    """Hold the packages or let go of them; return whether that changes anything and which are held now."""
    ours = set(lines_of(RECORD))
    with_dpkg = shutil.which("dpkg-query") is not None
    if with_dpkg:
        selections = dpkg_selections(module)
        named = matching(names, selections)
        held = {package for package in named if selections[package] == "hold"}
    else:
        versions = rpm_versions(module)
        named, locks = matching(names, versions), lines_of(LOCKS)
        held = {package for package in named if any(lock.startswith(f"{package}-") for lock in locks)}
    turned = sorted(set(named) - held if wanted else held & ours)
    if turned and not module.check_mode:
        if with_dpkg:
            selection = "hold" if wanted else "install"
            data = "".join(f"{package} {selection}\n" for package in turned)
            module.run_command(["dpkg", "--set-selections"], data=data, check_rc=True)
        elif wanted:
            write_lines(LOCKS, [*locks, *(f"{package}-{versions[package]}.*" for package in turned)])
        else:
            write_lines(LOCKS, [lock for lock in locks if not any(lock.startswith(f"{p}-") for p in turned)])
        write_lines(RECORD, sorted(ours | set(turned) if wanted else ours - set(turned)))
    return bool(turned), sorted(held | set(turned) if wanted else held - set(turned))


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    changed, held = hold(module, module.params["names"], module.params["state"] == "present")
    module.exit_json(changed=changed, held=held)


if __name__ == "__main__":
    main()
