#!/usr/bin/python
"""Holds packages at their version against unattended upgrades; stdlib only, since it runs on the node."""

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
  - Packages that are not installed are ignored. All packages are handled in one call, since each call takes about half
    a second per node.
  - Records the held packages in C(/etc/inferfleet/held), so that O(state=absent) unholds no other packages.
options:
  names:
    description: Names of the packages; C(*) matches any text.
    type: list
    elements: str
    required: true
  state:
    description: Whether the packages are held.
    type: str
    choices: [present, absent]
    default: present
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Hold Docker at its version
  package_hold:
    names: [docker-ce, containerd.io]

- name: Unhold all packages held by this module
  package_hold:
    names: ["*"]
    state: absent
"""

RETURN = r"""
held:
  description: Packages of C(names) that are held, by this module or anyone else.
  returned: always
  type: list
  elements: str
"""

RECORD = "/etc/inferfleet/held"
LOCKS = "/etc/dnf/plugins/versionlock.list"


def matching(names, installed):
    """Return the installed packages that match `names`."""
    patterns = [re.compile(re.escape(name).replace(r"\*", ".*") + "$") for name in names]
    return sorted(package for package in installed if any(pattern.match(package) for pattern in patterns))


def dpkg_selections(module):
    """Return package → selection of the packages that dpkg has installed."""
    query = ["dpkg-query", "--show", "--showformat", "${binary:Package} ${db:Status-Want} ${db:Status-Status}\n"]
    _, out, _ = module.run_command(query, check_rc=True)
    rows = (line.split() for line in out.splitlines())
    return {row[0]: row[1] for row in rows if row[2:] == ["installed"]}


def rpm_versions(module):
    """Return package → version and release of the packages that rpm has installed."""
    query = ["rpm", "--query", "--all", "--queryformat", "%{NAME} %|EPOCH?{%{EPOCH}}:{0}|:%{VERSION}-%{RELEASE}\n"]
    _, out, _ = module.run_command(query, check_rc=True)
    return dict(line.split() for line in out.splitlines() if len(line.split()) == 2)


def lines_of(path):
    """Return the lines of a file; none if there is no file."""
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
    """Hold or unhold the packages; return whether anything changes, and the held packages."""
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
    changes = sorted(set(named) - held if wanted else held & ours)
    if changes and not module.check_mode:
        if with_dpkg:
            selection = "hold" if wanted else "install"
            data = "".join(f"{package} {selection}\n" for package in changes)
            module.run_command(["dpkg", "--set-selections"], data=data, check_rc=True)
        elif wanted:
            write_lines(LOCKS, [*locks, *(f"{package}-{versions[package]}.*" for package in changes)])
        else:
            write_lines(LOCKS, [lock for lock in locks if not any(lock.startswith(f"{p}-") for p in changes)])
        write_lines(RECORD, sorted(ours | set(changes) if wanted else ours - set(changes)))
    return bool(changes), sorted(held | set(changes) if wanted else held - set(changes))


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
