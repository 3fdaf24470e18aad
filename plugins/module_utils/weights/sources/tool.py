"""Programs that bring whole files."""

from __future__ import annotations

import abc
import os
import re
import shutil
import subprocess
import time

from ansible.module_utils.weights.sources.source import SILENCE, Pace, Source, SourceError


class Tool(Source, abc.ABC):
    """A program that brings one whole file to a place of its own, which then becomes the file."""

    @abc.abstractmethod
    def command(self, place, sink):
        """Return the argument list that brings a file to the folder `place`, and what its standard input gets."""

    def fetch(self, sink):
        """Run the program; end it when it stalls or the run stops."""
        place = sink.workplace()
        full = os.path.join(place, sink.name)
        command, words = self.command(place, sink)
        with open(os.path.join(place, "log"), "w+") as log:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, text=True)
            assert process.stdin is not None  # it is a pipe
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
