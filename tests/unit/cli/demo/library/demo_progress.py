#!/usr/bin/python
"""Report progress the way a long task does: one step further at each try."""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(
        argument_spec={"state": {"type": "path"}, "total": {"type": "int"}, "steps": {"type": "int"}},
        supports_check_mode=True,
    )
    state = Path(module.params["state"] + ".step")
    step = int(state.read_text()) + 1 if state.exists() else 1
    steps, total = module.params["steps"], module.params["total"]
    finished = step >= steps
    if finished:
        state.unlink(missing_ok=True)
    else:
        state.write_text(str(step))
    progress = {"done": total * step // steps, "total": total, "unit": "bytes"}
    module.exit_json(changed=False, done=finished, progress=progress)


if __name__ == "__main__":
    main()
