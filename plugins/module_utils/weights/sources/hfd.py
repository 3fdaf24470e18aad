"""Hugging Face's mirrors with many connections a file."""

from __future__ import annotations

from ansible.module_utils.weights.sources.huggingface import HuggingFace
from ansible.module_utils.weights.sources.tool import Tool


class Hfd(Tool):
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
