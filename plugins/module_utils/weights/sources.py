"""Where weights come from: each source fetches one file into a `Sink` (see exchange.py) or raises `SourceError`."""

from __future__ import annotations

import abc
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import time

from ansible.module_utils.weights import manifest

READ = 2**20
# Beside the shards that model.safetensors.index.json names; what a static mirror without a listing is asked for.
USUAL = (
    *("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"),
    *("configuration_deepseek.py", "modeling_deepseek.py", "special_tokens_map.json", "vocab.json", "merges.txt"),
    *("model.safetensors", "LICENSE", "README.md"),
)


# The names of what httpx and requests raise, and the words of aria2c, when nothing answers.
SILENCE = re.compile(r"Timeout|Connect(ion)?Error|errorCode=(1|2|6|19) ")


class SourceError(Exception):
    """A source does not give a file, or gives it wrong or too slowly.

    `retry_after`: seconds it asked to wait; `silent`: nothing came from it at all, as when the WAN is gone.
    """

    def __init__(self, message, retry_after=0.0, silent=False):
        super().__init__(message)
        self.retry_after, self.silent = retry_after, silent


class StoppedError(Exception):
    """The run ends, or another node has the file: not the source's fault."""


def selected(name, include, exclude):
    """Say whether the patterns (as `hf download` takes them) let a file through."""
    if include and not any(fnmatch.fnmatch(name, p) for p in include):
        return False
    return not any(fnmatch.fnmatch(name, p) for p in exclude)


def safe(name):
    """Say whether a file's name stays below the folder of its model."""
    return not os.path.isabs(name) and ".." not in name.split("/") and not name.startswith(".inferfleet")


def make_source(spec, stall, min_rate):
    """Return the source that one entry of `model_weights_sources` describes.

    `stall` is the longest time without a byte in seconds, `min_rate` the least rate in bytes a second.
    """
    kinds = {"huggingface": HuggingFace, "hfd": Hfd, "modelscope": ModelScope, "path": Folder, "http": Http}
    return kinds[spec["type"]](spec, stall, min_rate)


def with_tokens(options):
    """Return the sources with their tokens, which travel apart: Ansible hides every value of a secret option."""
    return [{**spec, "token": options["tokens"].get(spec["type"], "")} for spec in options["sources"]]


def pinned(sources, about):
    """Return the sources such that the repository that the manifest is of is read at the manifest's commit.

    A branch may move meanwhile. Other repositories, and hubs with commits of their own, are held to the hashes only.
    """
    fits = {"repository": about.get("repository"), "revision": about.get("revision")}
    return [
        {**spec, "revision": about["commit"]}
        if about.get("commit") and spec["type"] in ("huggingface", "hfd") and fits.items() <= spec.items()
        else spec
        for spec in sources
    ]


def of_manifest(data):
    """Return commit and files of a manifest that lies with a complete copy; raises KeyError where it is none."""
    return data["commit"], {n: {k: e[k] for k in ("size", "algorithm", "hash")} for n, e in data["files"].items()}


class _Source:
    def __init__(self, spec, stall, min_rate):
        self.spec, self.stall, self.min_rate = spec, stall, min_rate
        self.repository, self.revision = spec.get("repository", ""), spec.get("revision") or "main"

    @property
    def title(self):
        """The source in words, for reports and refusals."""
        named = f"{self.spec['type']} {self.spec.get('endpoint') or self.spec.get('path') or ''}".strip()
        return self.spec.get("title") or named


class _Ranged(_Source, abc.ABC):
    """Files behind URLs that take Range requests."""

    @abc.abstractmethod
    def url(self, name):
        """Return where a file lies."""

    def headers(self):
        return {}

    def fetch(self, sink):
        """Fetch what `sink` lacks, gap by gap."""
        for begin, end in sink.gaps():
            self._fetch(sink, begin, end)

    def _fetch(self, sink, begin, end):
        from huggingface_hub.utils import get_session

        headers = {**self.headers(), "Accept-Encoding": "identity"}
        if (begin, end) != (0, sink.size):
            headers["Range"] = f"bytes={begin}-{end - 1}"
        pace = Pace(self.min_rate, self.stall)
        at = begin
        try:
            with get_session().stream(
                "GET", self.url(sink.name), headers=headers, timeout=self.stall, follow_redirects=True
            ) as answer:
                at = _begin(answer, begin, sink.size)
                for block in answer.iter_raw():
                    skip = max(0, begin - at)  # a server that ignores Range starts from the beginning
                    at += len(block)
                    sink.count(len(block))
                    block = block[skip : len(block) - max(0, at - end)]
                    if block:
                        sink.write(at - max(0, at - end) - len(block), block)
                    if at >= end:
                        break
                    pace.see(len(block))
        except (SourceError, StoppedError, OSError):
            raise
        except Exception as error:
            raise SourceError(_cause(error, self.stall), silent=bool(SILENCE.search(type(error).__name__))) from error
        if at < end:
            raise SourceError(f"the connection ended after {at - begin} of {end - begin} bytes")


def _begin(answer, begin, size):
    """Return where in the file an answer begins; raise what speaks against it."""
    if answer.status_code >= 400:
        try:
            wait = float(answer.headers.get("Retry-After", 0))
        except ValueError:
            wait = 0.0
        meaning = {
            401: "needs a token",
            403: "refuses access",
            404: "does not have it",
            429: "limits the rate",
        }.get(answer.status_code, "fails")
        raise SourceError(f"HTTP {answer.status_code}: it {meaning}", wait)
    ranged = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    first, total = (int(ranged[1]), ranged[2]) if answer.status_code == 206 and ranged else (0, "*")
    if answer.status_code != 206:
        total = answer.headers.get("Content-Length", "*")
    if first > begin or total not in ("*", str(size)):
        raise SourceError(f"it has {total} bytes there, the manifest says {size}")
    return first


def _cause(error, stall):
    name = type(error).__name__
    if "Timeout" in name:
        return f"no answer and no byte for {stall:g} s"
    if "TooManyRedirects" in name:
        return "it redirects in a circle"
    return (str(error).strip() or name).splitlines()[0].rstrip(".")


class Pace:
    """Ends a transfer that has become far slower than it should be."""

    WINDOW = 30.0  # seconds

    def __init__(self, min_rate, window=WINDOW):
        self.min_rate, self.window = min_rate, max(window, 1.0)
        self.since, self.bytes = time.monotonic(), 0

    def see(self, count):
        """Take note of bytes that arrived."""
        self.bytes += count
        passed = time.monotonic() - self.since
        if passed < self.window:
            return
        if self.bytes < self.min_rate * passed:
            raise SourceError(f"only {self.bytes / passed:.0f} bytes/s over {passed:.0f} s, {self.min_rate:g} wanted")
        self.since, self.bytes = time.monotonic(), 0


class HuggingFace(_Ranged):
    """huggingface.co or a mirror of it, with huggingface_hub."""

    def describe(self):
        """Return commit and files of the repository."""
        from huggingface_hub import HfApi

        try:
            info = HfApi(endpoint=self.spec["endpoint"], token=self.spec.get("token") or None).model_info(
                self.repository, revision=self.revision, files_metadata=True, timeout=60
            )
        except Exception as error:
            raise SourceError(_cause(error, 60)) from error
        files = {}
        for entry in info.siblings:
            if entry.lfs:
                algorithm, digest = ("sha256", entry.lfs.sha256) if entry.lfs.sha256 else ("", "")
            else:
                algorithm, digest = ("git", entry.blob_id) if entry.blob_id else ("", "")
            files[entry.rfilename] = {"size": entry.size or 0, "algorithm": algorithm, "hash": digest}
        self.revision = info.sha
        return info.sha, files

    def url(self, name):
        """Return where a file lies."""
        from huggingface_hub import hf_hub_url

        return hf_hub_url(self.repository, name, revision=self.revision, endpoint=self.spec["endpoint"])

    def headers(self):
        """Return the headers of huggingface_hub, with the token where there is one."""
        from huggingface_hub.utils import build_hf_headers

        return build_hf_headers(token=self.spec.get("token") or False)


class Http(_Ranged):
    """Any static mirror: the files of the repository below one URL."""

    def url(self, name):
        """Return where a file lies."""
        return f"{self.spec['endpoint'].rstrip('/')}/{name}"

    def describe(self):
        """Return the files that the mirror's own manifest names, or those that the index names with their sizes."""
        from huggingface_hub.utils import get_session

        client = get_session()

        def get(name, method="GET"):
            answer = client.request(method, self.url(name), timeout=60, follow_redirects=True)
            return answer if answer.status_code < 400 else None

        try:
            if (found := get(manifest.NAME)) is not None:
                return of_manifest(found.json())
            index = get("model.safetensors.index.json")
            names = {*USUAL, *(index.json()["weight_map"].values() if index is not None else ())}
            names |= {"model.safetensors.index.json"} if index is not None else set()
            files = {}
            for name in sorted(names):
                head = get(name, "HEAD")
                if head is not None:
                    files[name] = {"size": int(head.headers["Content-Length"]), "algorithm": "", "hash": ""}
        except Exception as error:
            raise SourceError(_cause(error, 60)) from error
        if "config.json" not in files:
            raise SourceError(f"HTTP: there is no {self.url('config.json')}")
        return "", files


class Folder(_Source):
    """A folder on this node: a disk, or a network file system."""

    def describe(self):
        """Return the files below the folder; with hashes where a manifest of ours lies there."""
        root = self.spec["path"]
        if not os.path.isdir(root):
            raise SourceError(f"there is no folder {root} on this node")
        try:
            with open(os.path.join(root, manifest.NAME)) as lines:
                return of_manifest(json.load(lines))
        except (OSError, ValueError, KeyError):
            pass
        files = {}
        for folder, folders, names in os.walk(root):
            folders[:] = [f for f in folders if not f.startswith(".")]
            for name in names:
                full = os.path.join(folder, name)
                files[os.path.relpath(full, root)] = {"size": os.path.getsize(full), "algorithm": "", "hash": ""}
        return "", files

    def fetch(self, sink):
        """Copy what `sink` lacks."""
        full = os.path.join(self.spec["path"], sink.name)
        try:
            with open(full, "rb", buffering=0) as content:
                if os.fstat(content.fileno()).st_size != sink.size:
                    raise SourceError(f"{full} has another size than the manifest says")
                for begin, end in sink.gaps():
                    content.seek(begin)
                    while begin < end:
                        block = content.read(min(READ * 4, end - begin))
                        if not block:
                            raise SourceError(f"{full} ended early")
                        sink.write(begin, block)
                        begin += len(block)
        except FileNotFoundError as error:
            raise SourceError(f"there is no {full} on this node") from error


class _Tool(_Source):
    """A program that brings one whole file to a place of its own, which then becomes the file."""

    def fetch(self, sink):
        """Run the program; end it when it stalls or the run stops."""
        place = sink.workplace()
        full = os.path.join(place, sink.name)
        command, words = self.command(place, sink)
        with open(os.path.join(place, "log"), "w+") as log:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, text=True)
            try:
                process.stdin.write(words)
                process.stdin.close()
                self._watch(process, place, sink)
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()
            log.seek(0)
            said = log.read()
        if process.returncode or not os.path.exists(full):
            raise SourceError(self.reason(said, process.returncode), silent=bool(SILENCE.search(said)))
        if os.path.getsize(full) != sink.size:
            raise SourceError(f"it has {os.path.getsize(full)} bytes there, the manifest says {sink.size}")
        sink.adopt(full)
        shutil.rmtree(place, ignore_errors=True)

    def _watch(self, process, place, sink):
        seen, since, counted = 0, time.monotonic(), 0
        pace = Pace(self.min_rate)
        while process.poll() is None:
            time.sleep(0.2)
            sink.check()
            now = _written(place)
            sink.count(max(0, now - counted))
            pace.see(max(0, now - counted))
            counted = max(counted, now)
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > self.stall:
                raise SourceError(f"no byte for {self.stall:g} s", silent=True)
        sink.count(max(0, _written(place) - counted))

    def reason(self, said, code):
        """Return the line that tells why the program failed."""
        lines = [line for line in said.splitlines() if re.search("error|fail|status=|exception", line, re.I)]
        return (lines or [f"it ended with {code}"])[-1].strip()[:300]


def _written(folder):
    """Return the bytes on disk below a folder, holes of sparse files left out."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                info = os.stat(os.path.join(place, name))
                total += 0 if name == "log" else min(info.st_size, info.st_blocks * 512)
            except OSError:  # renamed meanwhile
                pass
    return total


class Hfd(_Tool):
    """A mirror of the Hub by aria2c with many connections a file, as hf-mirror's script `hfd` downloads."""

    def describe(self):
        """Return commit and files, as the hub's API says."""
        hub = HuggingFace(self.spec, self.stall, self.min_rate)
        commit, files = hub.describe()
        self.revision = commit
        return commit, files

    def command(self, place, sink):
        """Return aria2c's command line and its input; the token stays out of the command line."""
        hub = HuggingFace(self.spec, self.stall, self.min_rate)
        hub.revision = self.revision
        connections = str(self.spec.get("connections") or 10)
        command = ["aria2c", "--no-conf", "-x", connections, "-s", connections, "-k", "1M", "--continue=true"]
        command += ["--file-allocation=none", "--summary-interval=0", "--console-log-level=warn"]
        command += ["--auto-file-renaming=false", "--allow-overwrite=true", "--max-tries=3", "--retry-wait=1"]
        command += [f"--timeout={max(1, int(self.stall))}", f"--connect-timeout={max(1, int(self.stall))}"]
        command += [f"--max-overall-download-limit={int(sink.rate_limit)}", "--input-file=-"]
        lines = [hub.url(sink.name), f"  dir={place}", f"  out={sink.name}"]
        if self.spec.get("token"):
            lines.append(f"  header=Authorization: Bearer {self.spec['token']}")
        return command, "\n".join(lines) + "\n"


_ASK_MODELSCOPE = """
import json, os, sys
asked = json.load(sys.stdin)
os.environ.update(asked["environment"])
from modelscope_hub import HubApi
HubApi(endpoint=asked["endpoint"], token=asked["token"]).download_file(*asked["file"], **asked["options"])
"""


class ModelScope(_Tool):
    """modelscope.cn with its own SDK."""

    def describe(self):
        """Return commit and files, with the SHA-256 that the hub gives."""
        try:
            from modelscope_hub import HubApi

            api = HubApi(endpoint=self.spec["endpoint"], token=self.spec.get("token") or None)
            entries = list(api.list_repo_files(self.repository, "model", revision=self._revision()))
        except Exception as error:
            raise SourceError(_cause(error, 60)) from error
        files = {
            e.path: {"size": e.size or 0, "algorithm": "sha256" if e.sha256 else "", "hash": e.sha256 or ""}
            for e in entries
            if e.type != "tree"
        }
        if not files:  # which is how the hub answers for a revision that it does not have
            raise SourceError(f"it has no files of {self.repository} at revision {self._revision()}")
        return "", files

    def _revision(self):
        return "master" if self.revision == "main" else self.revision

    def command(self, place, sink):
        """Return a Python of ours that asks the SDK for one file."""
        asked = {
            "endpoint": self.spec["endpoint"],
            "token": self.spec.get("token") or None,
            "file": [self.repository, "model", sink.name],
            "options": {"revision": self._revision(), "local_dir": place},
            "environment": {
                "MODELSCOPE_CACHE": os.path.join(place, ".cache"),
                "MODELSCOPE_HOME": os.path.join(place, ".cache"),
                "MODELSCOPE_DOWNLOAD_TOTAL_TIMEOUT": "864000",  # its own limit of an hour is short for a slow WAN
                "MODELSCOPE_DOWNLOAD_INTRA_CLOUD": "false",
            },
        }
        return [sys.executable, "-c", _ASK_MODELSCOPE], json.dumps(asked)
