"""Write metrics that no exporter has to a file of node_exporter: whether weights changed, and NCCL's network.

Argument: a JSON file with `output`, the file; `model_path`, a folder with a manifest; `container`, whose log names
NCCL's network, or an empty text if the plan has no RDMA.
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

_SECONDS = 60
_MANIFEST = ".inferfleet.json"
# NCCL's lines with NCCL_DEBUG=INFO, as in the doctor's symptom nccl-on-tcp.
_SOCKETS = re.compile(
    r"NCCL INFO (?:Using network Socket|Channel \d+.* via NET/Socket/\d"
    r"|(?:Assigned|Initialized) NET plugin Socket to comm)"
)


def weights_metrics(path):
    """Return the lines about a folder with weights; none if it has no manifest of a complete copy."""
    try:
        manifest = json.loads(Path(path, _MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return []
    files = manifest.get("files")
    if not files or not manifest.get("complete"):
        return []
    changed = [name for name, entry in files.items() if _stamp(Path(path, name)) != entry["stamp"]]
    newest = max(entry["stamp"][1] for entry in files.values()) / 1e9
    return [
        "# HELP inferfleet_weights_changed_files Files whose size, time or inode differ from those that were verified.",
        "# TYPE inferfleet_weights_changed_files gauge",
        f"inferfleet_weights_changed_files {len(changed)}",
        "# HELP inferfleet_weights_modified_seconds Time at which the newest file of the weights was written.",
        "# TYPE inferfleet_weights_modified_seconds gauge",
        f"inferfleet_weights_modified_seconds {newest:.0f}",
    ]


def _stamp(path):
    try:
        info = path.stat()
    except OSError:
        return None
    return [info.st_size, info.st_mtime_ns, info.st_ino]


def uses_sockets(log):
    """Return whether NCCL's lines in a log name sockets as the network between nodes."""
    return bool(_SOCKETS.search(log))


class NcclLog:
    """Reads the new lines of a container's log; what they show holds until the container starts again."""

    def __init__(self, container):
        self.sockets = False
        self._container, self._started, self._read_to = container, "", ""

    def read(self):
        """Read the lines since the last time."""
        started = _docker("inspect", "--format", "{{.State.StartedAt}}", self._container).strip()
        if started != self._started:
            self._started, self._read_to, self.sockets = started, started, False
        now = str(int(time.time()))
        if started:
            log = _docker("logs", "--since", self._read_to, self._container)
            self._read_to, self.sockets = now, self.sockets or uses_sockets(log)

    def metrics(self):
        """Return the lines about it."""
        return [
            "# HELP inferfleet_nccl_over_sockets Whether NCCL uses sockets although RDMA is planned.",
            "# TYPE inferfleet_nccl_over_sockets gauge",
            f"inferfleet_nccl_over_sockets {int(self.sockets)}",
        ]


def _docker(*arguments):
    try:
        done = subprocess.run(
            ["docker", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", check=False
        )
    except OSError:  # Docker was removed; the other metrics are still written
        return ""
    return done.stdout if done.returncode == 0 else ""


def write(path, lines):
    """Replace the file in one step: node_exporter may read it at any time."""
    partial = Path(path + ".partial")  # node_exporter reads *.prom only
    partial.write_text("\n".join(lines) + "\n", "utf-8")
    partial.chmod(0o644)
    partial.replace(path)


def main():
    """Write the metrics every minute until the process ends."""
    settings = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    log = NcclLog(settings["container"]) if settings["container"] else None
    while True:
        lines = weights_metrics(settings["model_path"])
        if log:
            log.read()
            lines += log.metrics()
        write(settings["output"], lines)
        time.sleep(_SECONDS)


if __name__ == "__main__":
    main()
