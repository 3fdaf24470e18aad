"""The command line of the inference demo in the DeepSeek-V3 repository."""

from inferfleet.planning.engines.request import Launch


def deepseek_infer_argv(launch: Launch) -> list[str]:
    """Return `torchrun … generate.py …` for one node, over the checkpoint that its convert.py has divided."""
    argv = ["torchrun", "--nnodes", str(launch.nodes), "--nproc-per-node", str(launch.per_node)]
    argv += ["--node-rank", str(launch.rank), "--master-addr", launch.head, "--master-port", str(launch.port)]
    argv += ["generate.py", "--ckpt-path", f"{launch.model_path}-mp{launch.layout.tensor_parallel_size}"]
    return [*argv, "--config", "configs/config_671B.json", "--interactive", *launch.extra]
