"""Refuse the way the preflight does."""

from ansible.plugins.action import ActionBase

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
    "warn": [
        {
            "code": "slow-network",
            "message": "node2 has a network of 1 Gbit/s: the weights take 92 minutes.",
            "remedy": "Use the 25 Gbit/s one if there is one.",
        }
    ],
}


class ActionModule(ActionBase):
    """`kind`: "contract" or "facts" to refuse, "warn" to go on with a warning."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        kind = self._task.args["kind"]
        if kind == "warn":
            return result | {"changed": False, "inferfleet_warnings": PROBLEMS[kind]}
        refusal = {"inferfleet_refusal": kind, "problems": PROBLEMS[kind]}
        return result | {"failed": True, "msg": "The inventory is refused."} | refusal
