#!/usr/bin/python
"""Need three tries, and tell the progress of each."""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(argument_spec={"counter": {"type": "path"}})
    counter = Path(module.params["counter"])
    step = int(counter.read_text()) + 1 if counter.exists() else 1
    counter.write_text(str(step))
    module.exit_json(
        changed=False,
        done=step == 3,
        progress={"done": 100 * step, "total": 300, "unit": "bytes", "text": f"shard {step}"},
    )


if __name__ == "__main__":
    main()
