"""Mirrors of Hugging Face, with many connections per file."""

from __future__ import annotations

from ansible.module_utils.weights.sources.huggingface import HuggingFace
from ansible.module_utils.weights.sources.tool import Tool


class Hfd(Tool):
    """Downloads from a mirror of the Hub by aria2c with many connections per file, as hf-mirror's script `hfd` does."""

    def describe(self):
        """Return commit and files from the hub's API."""
        hub = HuggingFace(self.spec, self.stall, self.min_rate)
        commit, files = hub.describe()
        self.revision = commit
        return commit, files

    def command(self, folder, sink):
        """Return aria2c's command line and its input; the token is passed in the input only."""
        hub = HuggingFace(self.spec, self.stall, self.min_rate)
        hub.revision = self.revision
        connections = str(self.spec.get("connections") or 10)
        command = ["aria2c", "--no-conf", "-x", connections, "-s", connections, "-k", "1M", "--continue=true"]
        command += ["--file-allocation=none", "--summary-interval=0", "--console-log-level=warn"]
        command += ["--auto-file-renaming=false", "--allow-overwrite=true", "--max-tries=3", "--retry-wait=1"]
        command += [f"--timeout={max(1, int(self.stall))}", f"--connect-timeout={max(1, int(self.stall))}"]
        command += [f"--max-overall-download-limit={int(sink.rate_limit)}", "--input-file=-"]
        lines = [hub.url(sink.name), f"  dir={folder}", f"  out={sink.name}"]
        if self.spec.get("token"):
            lines.append(f"  header=Authorization: Bearer {self.spec['token']}")
        return command, "\n".join(lines) + "\n"
