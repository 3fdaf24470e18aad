"""Real clusters of both generations, one for all tests; the newer one starts while the older one is being tested."""

import json
import subprocess
import sys

import pytest
import yaml
from lab.problem import LabError
from tests.gpustack.processes import PASSWORD, RECIPE, ROOT, Cluster, packages


class Clusters:
    """The clusters by version, or why there is none."""

    def __init__(self):
        self.found = {}
        self.reasons = {}

    def start(self, version, folder):
        """Start a version's server, unless its packages cannot be had."""
        try:
            site = packages(version)
        except (LabError, OSError) as problem:
            self.reasons[version] = str(problem)
            return
        self.found[version] = Cluster(version, site, folder)
        self.found[version].start_server()

    def get(self, version):
        """Return a cluster with a ready server and a started worker."""
        if version in self.reasons:
            pytest.skip(f"GPUStack {version} cannot be installed here: {self.reasons[version]}")
        cluster = self.found[version]
        if "worker" not in cluster.processes:
            cluster.wait_until_up()
            cluster.start_worker()
        return cluster


@pytest.fixture(scope="session")
def clusters(tmp_path_factory):
    """Start everything and end it."""
    clusters = Clusters()
    try:
        for version in RECIPE:
            clusters.start(version, tmp_path_factory.mktemp(f"gpustack-{version}"))
        yield clusters
    finally:
        for cluster in clusters.found.values():
            cluster.stop()


@pytest.fixture(scope="module", params=list(RECIPE))
def cluster(request, clusters):
    """Return a cluster of each version."""
    return clusters.get(request.param)


@pytest.fixture(scope="session")
def run():
    """Run one of our modules as Ansible does; return its result."""

    def run_(cluster, module, /, *, check=False, **params):
        given = {"url": cluster.url, "password": PASSWORD, **params}
        arguments = {key: value for key, value in given.items() if value is not None}
        done = subprocess.run(
            [sys.executable, ROOT / "tests" / "run_module.py", module],
            input=json.dumps(
                {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_remote_tmp": "/tmp", "_ansible_check_mode": check}}
            ),
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    return run_


@pytest.fixture(scope="session")
def tiny_r1(tmp_path_factory):
    """Return a checkpoint folder of the tiny R1; its weights contain the header only."""
    folder = tmp_path_factory.mktemp("tiny-r1")
    architecture = yaml.safe_load((ROOT / "lab" / "tiny_r1" / "architecture.yml").read_text())
    (folder / "config.json").write_text(json.dumps({"architectures": ["DeepseekV3ForCausalLM"], **architecture}))
    header = b"{}      "
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    return str(folder)
