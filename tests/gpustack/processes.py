"""GPUStack's own server and worker from PyPI as processes on loopback, started as planned."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from jinja2 import Template
from lab import config
from lab.images import RECIPES
from lab.problem import LabError
from lab.trees import PYTHON, tree

from inferfleet.engines import load_command, load_engines
from inferfleet.engines.launch import Launch
from inferfleet.engines.layout import Layout

ROOT = Path(__file__).parents[2]
TOKEN = "RegistrationTokenOfTheTests0123456789abcdef"
PASSWORD = "PasswordOfTheTests0123456789abcdefghijklmno"
ACCELERATORS = 2
ADDRESS = "127.0.0.1"
RECIPE = {"0.7.1": "gpustack", "2.3.0": "gpustack2"}
VENDOR = {"0.7.1": "NVIDIA", "2.3.0": "nvidia"}


def packages(version: str) -> Path:
    """Return the folder of a version's packages, installed when missing; raises LabError or OSError."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" != PYTHON:
        raise LabError(f"its packages are for Python {PYTHON}, this is {sys.version.split()[0]}")
    cache = config.load().cache
    cache.joinpath("logs").mkdir(parents=True, exist_ok=True)
    site = tree(cache, RECIPE[version]) / "site-packages"
    if not (site / "gpustack" / "third_party" / "bin" / "versions.json").exists():
        env = {**os.environ, "PYTHONPATH": str(site)}
        done = subprocess.run(
            [sys.executable, RECIPES / "gpustack" / "tools.py"], env=env, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LabError(f"its tools cannot be marked: {done.stderr[-300:]}")
    return site


def free_port() -> int:
    """Return a port of loopback that nobody listens at."""
    with socket.create_server((ADDRESS, 0)) as free:
        return free.getsockname()[1]


def resources(version: str) -> dict:
    """Return a worker's configuration of its machine, instead of detection: two A800."""
    accelerator = {"name": "NVIDIA A800-SXM4-80GB", "vendor": VENDOR[version], "memory": {"total": 80 << 30}}
    return {
        "cpu": {"total": 2},
        "memory": {"total": 24 << 30},
        "os": {"name": "Debian", "version": "12"},
        "kernel": {"name": "Linux", "release": "6", "version": "6", "architecture": "x86_64"},
        "uptime": {"uptime": 1000, "boot_time": "2026-01-01T00:00:00.000+0000"},
        "filesystem": [{"name": "root", "mount_point": "/", "mount_from": "/dev/vda", "total": 1 << 40}],
        "gpu_devices": [{**accelerator, "index": number} for number in range(ACCELERATORS)],
    }


def launch(version: str, port: int, rank: int) -> list[str]:
    """Return the plan's command line for one of two nodes, both of which are this machine."""
    return load_command("gpustack")(
        Launch(
            model_path="/data/models/x",
            served_model_name="x",
            layout=Layout(),
            executor="mp",
            nodes=2,
            rank=rank,
            head=ADDRESS,
            per_node=ACCELERATORS,
            port=port,
            dtype="bfloat16",
            max_model_len=4096,
            max_num_seqs=1,
            gpu_memory_utilization=0.9,
            addresses=(ADDRESS, ADDRESS),
        )
    )


def secrets_of(host: str) -> dict[str, str]:
    """Return the environment that the role gives a node in a file."""
    template = Template((ROOT / "roles" / "gpustack" / "templates" / "gpustack.env.j2").read_text(), trim_blocks=True)
    text = template.render(
        gpustack_token=TOKEN, gpustack_admin_password=PASSWORD, inventory_hostname=host, groups={"ray_head": ["head"]}
    )
    return dict(line.split("=", 1) for line in text.splitlines())


class Cluster:
    """One server and one worker; 2.x with its own PostgreSQL."""

    def __init__(self, version: str, site: Path, folder: Path) -> None:
        self.version = version
        self.folder = folder
        self.site = site
        self.port = free_port()
        self.url = f"http://{ADDRESS}:{self.port}"
        self.processes: dict[str, subprocess.Popen] = {}
        self.worker_ports: dict[str, int] = {}
        self.database: Path | None = None
        planned = next(v.env for v in load_engines()["gpustack"].versions if v.version == version)
        self.env = {**os.environ, **planned, "PYTHONPATH": str(site), "DOCKER_HOST": f"unix://{folder}/no-docker"}
        # All on one machine: the head's worker is a process of its own here.
        self.env |= {
            "GPUSTACK_DISABLE_WORKER": "true",
            "GPUSTACK_ENABLE_WORKER": "false",
            "GPUSTACK_ENABLE_RAY": "false",
        }
        # A separate interpreter, because GPUStack 0.x searches vLLM in the interpreter's folder.
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "python"], check=True)

    def start_server(self) -> None:
        """Start the server, and return at once."""
        options = {"GPUSTACK_DATA_DIR": str(self.folder / "server"), "GPUSTACK_METRICS_PORT": str(free_port())}
        if self.version.startswith("2."):
            options |= {
                "GPUSTACK_DATABASE_URL": self.start_database(),
                "GPUSTACK_GATEWAY_MODE": "disabled",  # it would answer at the port; without it the API itself does
                "GPUSTACK_API_PORT": str(self.port),
                "GPUSTACK_PROXY_PORT": str(free_port()),
                "GPUSTACK_DISABLE_BUILTIN_OBSERVABILITY": "true",
            }
        self.start("server", launch(self.version, self.port, 0), options | secrets_of("head"))

    def start_database(self) -> str:
        """Start PostgreSQL on loopback and return its URL."""
        self.database = Path(tempfile.mkdtemp(prefix="gpustack-"))
        site, account = self.site, {}
        if os.geteuid() == 0:  # which PostgreSQL refuses; and root's folders are closed to others
            account = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            for name in ("pgserver/pginstall", "pgserver.libs"):
                shutil.copytree(site / name, self.database / name)
            shutil.chown(self.database, "nobody", "nogroup")
            site = self.database
        programs, data, port = site / "pgserver" / "pginstall" / "bin", self.database / "data", free_port()
        common = {"cwd": "/", "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **account}
        subprocess.run([programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-N"], check=True, **common)
        options = ["-p", str(port), "-k", self.database, "-c", f"listen_addresses={ADDRESS}", "-c", "fsync=off"]
        self.processes["database"] = subprocess.Popen([programs / "postgres", "-D", data, *options], **common)
        self.wait("database", lambda: socket.create_connection((ADDRESS, port), 1).close())
        return f"postgresql://postgres@{ADDRESS}:{port}/postgres"

    def start(self, name: str, argv: list[str], env: dict[str, str]) -> None:
        """Start a GPUStack process that logs to <name>.log."""
        program = self.site.parent / "bin" / "gpustack"
        with (self.folder / f"{name}.log").open("w") as log:
            self.processes[name] = subprocess.Popen(
                [self.folder / "python" / "bin" / "python", program, *argv[1:]],
                env=self.env | env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its engines end with it
            )

    def start_worker(self, name: str = "worker", token: str = TOKEN) -> None:
        """Start a worker, and return at once."""
        port = free_port()
        settings = self.folder / "resources.json"  # JSON is YAML
        settings.write_text(json.dumps({"resources": resources(self.version)}))
        options = {
            "GPUSTACK_CONFIG_FILE": str(settings),
            "GPUSTACK_DATA_DIR": str(self.folder / name),
            "GPUSTACK_WORKER_NAME": name,
            "GPUSTACK_WORKER_PORT": str(port),
            "GPUSTACK_DISABLE_RPC_SERVERS": "true",
            "GPUSTACK_DISABLE_METRICS": "true",
            "GPUSTACK_DISABLE_WORKER_METRICS": "true",
        }
        argv = launch(self.version, self.port, 1)
        self.start(name, argv, options | secrets_of("worker") | {"GPUSTACK_TOKEN": token})
        self.worker_ports[name] = port

    def wait(self, name: str, attempt, seconds: float = 240) -> None:
        """Repeat an attempt until it does not raise; fail when the process ends first."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.processes[name].poll() is None:
            with contextlib.suppress(OSError):
                return attempt()
            time.sleep(0.5)
        state = "ended" if self.processes[name].poll() is not None else f"is not up after {seconds} s"
        raise AssertionError(f"{name} {state}: {self.log(name)}")

    def wait_until_up(self) -> None:
        """Wait until the server responds."""
        self.wait("server", lambda: urllib.request.urlopen(f"{self.url}/healthz", timeout=5).close())

    def wait_until_worker_is_up(self) -> None:
        """Wait until the worker responds: 2.x registers earlier, and the server queries it for paths."""
        self.wait("worker", lambda: socket.create_connection((ADDRESS, self.worker_ports["worker"]), 1).close())

    def log(self, name: str) -> str:
        """Return the end of a process's log."""
        path = self.folder / f"{name}.log"
        return path.read_text()[-1500:] if path.exists() else ""

    def status(self, path: str, authorization: str) -> int:
        """Return the HTTP status of a GET."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": authorization})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def stop(self) -> None:
        """End all processes, the database last."""
        for name, process in reversed(self.processes.items()):
            with contextlib.suppress(ProcessLookupError):
                if name == "database":
                    process.terminate()
                else:
                    os.killpg(process.pid, 15)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if name != "database":
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)
        if self.database:
            shutil.rmtree(self.database)
