"""A test hub and nodes: processes with a folder and a loopback address each."""

import hashlib
import json
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPO = "inferfleet/tiny"


def run_module(name, **params):
    """Run one of our modules as Ansible does; return its result."""
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "run_module.py", name],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {**params, "_ansible_remote_tmp": "/tmp"}}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


class Hub:
    """The test hub in a process of its own."""

    def __init__(self, root, *options):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.root = root
        self.url = f"http://127.0.0.1:{port}"
        argv = [sys.executable, "-m", "lab.hub", "--root", root, "--port", str(port), *options]
        self.process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert self.process.poll() is None
            try:
                self.stats()
                return
            except OSError:
                time.sleep(0.05)
        raise TimeoutError(self.url)

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or "null")

    def stats(self):
        return self.call("GET", "/_lab/stats")

    def faults(self, *rules):
        return self.call("POST", "/_lab/faults", list(rules))

    def stop(self):
        self.process.kill()
        self.process.wait()


class Node:
    """One node: `start` runs weights_pull, `end` returns its result."""

    def __init__(self, folder, number, port):
        self.name, self.address, self.port = f"node{number}", f"127.0.1.{number}", port
        self.path = folder / self.name / "models" / REPO
        self.process = None
        self.prefix = []  # prefix of its command line

    @property
    def spec(self):
        return {"name": self.name, "address": self.address, "port": self.port}

    @property
    def staging(self):
        return self.path.parent / f".{self.path.name}.inferfleet-staging"

    def start(self, **params):
        arguments = {"path": str(self.path), "node": self.name, **params, "_ansible_remote_tmp": "/tmp"}
        self.process = subprocess.Popen(
            [*self.prefix, sys.executable, ROOT / "tests" / "run_module.py", "weights_pull"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
        self.process.stdin.close()
        self.process.stdin = None

    def end(self, timeout=400):
        out, err = self.process.communicate(timeout=timeout)
        assert out, err
        return json.loads(out)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


class Fleet:
    """Nodes that download one model, with the role's parameters unless a test sets others."""

    def __init__(self, folder, hub, files, count):
        port = random.randrange(20_000, 30_000)  # outside of the ephemeral port range
        self.nodes = [Node(folder, n + 1, port) for n in range(count)]
        self.hub, self.files = hub, files

    def start(self, nodes=None, **params):
        names = [node.name for node in self.nodes]
        source = {"type": "huggingface", "endpoint": self.hub.url, "repository": REPO}
        defaults = {
            "files": self.files,
            "about": {"repository": REPO, "revision": "main", "commit": "c0ffee"},
            "peers": [node.spec for node in self.nodes],
            "wan_nodes": names,
            "expected": names,
            "token": "hush-token",
            "run": "c0ffee",
            "sources": [source],
            "stall": 2,
            "patience": 300,  # as the role has it: a slow machine starts ModelScope in more than a minute
            "poll": 0.1,
            "startup_wait": 4,
        }
        for node in nodes or self.nodes:
            node.start(**{**defaults, **params})

    def start_alone(self, node, **params):
        """Start a node that downloads everything itself and has no peers."""
        self.start([node], peers=[node.spec], wan_nodes=[node.name], expected=[node.name], **params)

    def end(self):
        return [node.end() for node in self.nodes]

    def is_complete(self, node):
        """Return whether a node has exactly the wanted files."""
        found = {}
        for path in node.path.rglob("*"):
            if path.is_file() and not path.name.startswith(".inferfleet"):
                found[str(path.relative_to(node.path))] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found == {
            name: hashlib.sha256((self.hub.root / REPO / name).read_bytes()).hexdigest() for name in self.files
        }


def total(files):
    return sum(want["size"] for want in files.values())


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def on_disk(node):
    """Return the total size of the complete files in a node's staging folder."""
    state = node.staging / ".inferfleet-state.json"
    entries = json.loads(state.read_text()).get("entries", {}) if state.exists() else {}
    return sum(entry["size"] for entry in entries.values())
