"""Programs that download complete files."""

from __future__ import annotations

import abc
import os
import re
import shutil
import subprocess
import time

from ansible.module_utils.messages import N_, Message
from ansible.module_utils.weights.sources.source import (
    NO_ANSWER,
    RateMonitor,
    Source,
    SourceError,
    other_size,
    stalled,
)


class Tool(Source, abc.ABC):
    """A program that downloads one complete file to a working folder, from which it is moved to the store."""

    @abc.abstractmethod
    def command(self, folder, sink):
        """Return the argument list that downloads a file to the folder `folder`, and its standard input."""

    def fetch(self, sink):
        """Run the program; kill it if it stalls or the run stops."""
        folder = sink.work_folder()
        full = os.path.join(folder, sink.name)
        command, stdin = self.command(folder, sink)
        with open(os.path.join(folder, "log"), "w+") as log:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, text=True)
            assert process.stdin is not None  # it is a pipe
            try:
                process.stdin.write(stdin)
                process.stdin.close()
                self._watch(process, folder, sink)
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()
            log.seek(0)
            output = log.read()
        if process.returncode or not os.path.exists(full):
            raise SourceError(self.reason(output, process.returncode), unresponsive=bool(NO_ANSWER.search(output)))
        if os.path.getsize(full) != sink.size:
            raise SourceError(other_size(os.path.getsize(full), sink.size))
        sink.adopt(full)
        shutil.rmtree(folder, ignore_errors=True)

    def _watch(self, process, folder, sink):
        seen, since, counted = 0, time.monotonic(), 0
        monitor = RateMonitor(self.min_rate)
        while process.poll() is None:
            time.sleep(0.2)
            sink.check()
            now = _written(folder)
            sink.count(max(0, now - counted))
            monitor.add(max(0, now - counted))
            counted = max(counted, now)
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > self.stall:
                raise SourceError(stalled(self.stall), unresponsive=True)
        sink.count(max(0, _written(folder) - counted))

    def reason(self, output, code):
        """Return the error line of the failed program, or its exit code."""
        lines = [line for line in output.splitlines() if re.search("error|fail|status=|exception", line, re.I)]
        if lines:
            return Message("", "{line}", line=lines[-1].strip()[:300])
        return Message("", N_("it exited with code {code}"), code=code)


def _written(folder):
    """Return the bytes on disk below a folder, without holes of sparse files."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                info = os.stat(os.path.join(parent, name))
                total += 0 if name == "log" else min(info.st_size, info.st_blocks * 512)
            except OSError:  # renamed meanwhile
                pass
    return total
