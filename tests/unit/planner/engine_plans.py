"""Plans of R1 with any engine, for tests."""

from inferfleet.planner import make_plan
from inferfleet.settings import Settings

R1 = "/data/models/deepseek-ai/DeepSeek-R1"


def plan_of(engine, nodes=2, **contract):
    """Return the plan for R1 on nodes of eight H800; the default executor is ray."""
    machines = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(nodes)}
    base = {"engine": engine, "accelerator": "H800-80G", "engine_port": 8000, "max_model_len": 32768}
    return make_plan(Settings(**{**base, "max_num_seqs": 64, **contract}), machines)


def words_after(argv, first, count):
    start = argv.index(first)
    return argv[start : start + count]
