"""Print the log lines of containers and units of this node, each as a JSON list: time in UTC, source, text."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIST_SECONDS = 5  # between two lists of the containers
FIELDS = "MESSAGE,UNIT,_SYSTEMD_UNIT"
DOCKER_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z ?")
PROGRESS = re.compile(r"[^\r]*\r(?!$)")  # what a progress bar overwrites
SUPERVISOR = "/etc/inferfleet/supervisor.json"

lock = threading.Lock()


def put(moment: str, source: str, text: str) -> None:
    """Print one line of a log."""
    with lock:
        print(json.dumps([moment, source, text], ensure_ascii=False), flush=True)


def docker_line(line: str) -> tuple[str, str]:
    """Return the time, in nanoseconds, and the text of a line of `docker logs --timestamps`; without a time: empty."""
    found = DOCKER_LINE.match(line)
    if not found:
        return "", line
    text = PROGRESS.sub("", line[found.end() :].rstrip("\r"))
    return f"{found.group(1)}.{(found.group(2) or '')[:9]:0<9}Z", text


def journal_line(line: str) -> tuple[str, str, str] | None:
    """Return time, unit and text of a line of `journalctl --output=json`; None if it is not one."""
    try:
        entry = json.loads(line)
        micro = int(entry["__REALTIME_TIMESTAMP"])
    except (ValueError, KeyError, TypeError):
        return None
    text = entry.get("MESSAGE") or ""
    if isinstance(text, list):  # systemd.io/JOURNAL_EXPORT_FORMATS: bytes that are not UTF-8
        text = bytes(text).decode(errors="replace")
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(micro // 1000000))
    unit = entry.get("UNIT") or entry.get("_SYSTEMD_UNIT") or ""  # UNIT: of systemd's own messages
    return f"{moment}.{micro % 1000000:06d}000Z", unit, text


def containers(wanted: str) -> dict[str, tuple[str, bool]]:
    """Return name, and whether it runs, of the containers that the regular expression matches, by their ids."""
    argv = ["docker", "ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.State}} {{.Names}}"]
    try:
        listed = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    rows = [line.split(" ", 2) for line in listed.stdout.decode().splitlines() if line.count(" ") > 1]
    return {key: (name, state == "running") for key, state, name in rows if re.search(wanted, name)}


def read(argv: list[str], report: Callable[[str], None]) -> threading.Thread:
    """Run a command and report each line of its output, in a thread."""

    def pump() -> None:
        try:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except OSError:
            return  # without Docker or systemd there are no logs of it
        for line in process.stdout or ():
            report(line.decode(errors="replace").rstrip("\n"))
        process.wait()

    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    return thread


class Container:
    """The log of a container. `docker logs --follow` ends when the container stops: `read` then continues it."""

    def __init__(self, key: str, name: str) -> None:
        self.key, self.name, self.last = key, name, ""
        self.thread: threading.Thread | None = None

    def read(self, limits: list[str]) -> None:
        """Report the log in a thread, or what is new since the line reported last."""
        if self.last:
            limits = ["--follow", f"--since={self.last}"]
        self.thread = read(["docker", "logs", "--timestamps", *limits, self.key], self.report)

    def report(self, line: str) -> None:
        """Report a line, unless it was reported before the container stopped."""
        moment, text = docker_line(line)
        if moment > self.last or not moment:
            self.last = moment or self.last
            put(self.last, self.name, text)


def read_units(units: list[str], limits: list[str]) -> threading.Thread:
    """Report the journals of units."""

    def report(line: str) -> None:
        found = journal_line(line)
        if found and found[1] in units:
            put(*found)

    chosen = [f"--unit={unit}" for unit in units]
    return read(
        ["journalctl", "--quiet", "--no-pager", "--output=json", f"--output-fields={FIELDS}", *chosen, *limits], report
    )


def replica() -> tuple[str, str]:
    """Return the replica that this node belongs to, and the node's name; empty without a supervisor."""
    try:
        settings = json.loads(Path(SUPERVISOR).read_text("utf-8"))
        return settings["replica"]["name"], settings["node"]
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""


def end_with_input() -> None:
    """End this program and its commands when the connection ends."""
    while os.read(0, 4096):
        pass
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.killpg(0, signal.SIGTERM)


def main(settings: dict[str, Any]) -> None:
    """Print the replica of the node, and its logs: those of the past, and with `follow` also new ones."""
    with contextlib.suppress(PermissionError):  # it leads its group already
        os.setsid()
    threading.Thread(target=end_with_input, daemon=True).start()
    name, node = replica()
    print(json.dumps({"replica": name}), flush=True)
    if settings["replica"] not in ("", name, node, settings["host"]):
        return
    follow, tail, since = settings["follow"], settings["tail"], settings["since"]
    of_docker = [f"--since={since}s", f"--tail={tail or 'all'}", *(["--follow"] if follow else [])]
    of_units = [f"--since=-{since}s", f"--lines={tail or 'all'}", *(["--follow"] if follow else [])]
    units = read_units(settings["units"], of_units) if settings["units"] else None
    known: dict[str, Container] = {}
    while settings["containers"]:
        for key, (name, runs) in containers(settings["containers"]).items():
            log = known.setdefault(key, Container(key, name))
            if log.thread is None or (runs and not log.thread.is_alive()):
                log.read(of_docker)
        if not follow:
            break
        of_docker = ["--follow"]  # a container that appears later is new
        time.sleep(LIST_SECONDS)
    for thread in (units, *(log.thread for log in known.values())):
        if thread:
            thread.join()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
