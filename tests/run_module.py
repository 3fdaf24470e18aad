"""Runs one of our modules as a program, with our module_utils where Ansible would have put them.

python tests/run_module.py weights_pull < '{"ANSIBLE_MODULE_ARGS": {...}}'
"""

import runpy
import sys
from pathlib import Path

import ansible.module_utils

PLUGINS = Path(__file__).resolve().parents[1] / "plugins"
ansible.module_utils.__path__.append(str(PLUGINS / "module_utils"))

if __name__ == "__main__":
    name = sys.argv.pop(1)  # AnsibleModule would take it for a file of parameters
    runpy.run_path(str(PLUGINS / "modules" / f"{name}.py"), run_name="__main__")
