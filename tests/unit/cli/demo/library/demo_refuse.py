#!/usr/bin/python
"""Refuse the way the preflight does."""

from ansible.module_utils.basic import AnsibleModule

PROBLEMS = {
    "contract": [
        {
            "code": "unknown-key",
            "message": "tensor_paralel_size is not a key of the contract.",
            "remedy": "Write tensor_parallel_size.",
        },
        {
            "code": "relative-path",
            "message": "model_root is 'data/models', which is not absolute.",
            "remedy": "Give an absolute path such as /data/models.",
        },
    ],
    "facts": [
        {
            "code": "no-fp8",
            "message": "node1 has A800-80G (compute capability 8.0), which cannot compute in FP8.",
            "remedy": "Set checkpoint to unsloth/DeepSeek-R1-BF16.",
        }
    ],
}


def main() -> None:
    module = AnsibleModule(argument_spec={"kind": {"choices": list(PROBLEMS)}}, supports_check_mode=True)
    kind = module.params["kind"]
    module.fail_json(msg="The inventory is refused.", inferfleet_refusal=kind, problems=PROBLEMS[kind])


if __name__ == "__main__":
    main()
