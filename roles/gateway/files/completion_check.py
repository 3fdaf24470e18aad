"""Check replicas by completions of one token, and answer HAProxy's agent checks with the result.

The engines' /health also returns 200 while completions fail or hang. A busy engine lets the completion wait: it is
unhealthy only if it also generated nothing for anyone meanwhile. A replica whose supervisor reports that it is down is
unhealthy at once; if the supervisor does not answer, or does not know (it takes over what runs), completions alone
decide. Protocol: "agent-check" of
docs.haproxy.org, configuration manual, section 5.2. A GET request is answered with the state of all replicas.

Argument: a JSON file with `port`, `socket` (HAProxy's runtime API), `interval` and `timeout` in seconds and `replicas`.
"""

import asyncio
import csv
import json
import re
import sys
from pathlib import Path

FAILURES = 3
STALLS = 2
RETRY_SECONDS = 2
SUPERVISOR_SECONDS = 1
_BUSY = (429, 503)
_TIMEOUT = asyncio.TimeoutError  # before Python 3.11, not the builtin one
# vllm/v1/metrics/loggers.py: vllm:generation_tokens_total; python/sglang/srt/metrics/collector.py: sglang:...
_TOKENS = re.compile(r"^\w+:generation_tokens_total(?:\{[^}]*\})? ([\d.e+]+)$", re.MULTILINE)


def assess(status, progressed, failures, stalls):
    """Return the numbers of consecutive failures and stalls after a completion.

    `status` is that of the answer; 0: none in time. `progressed`: the replica generated something for anyone.
    """
    if status == 0 or status in _BUSY:
        return (0, 0) if progressed else (failures, stalls + 1)
    return (failures + 1, stalls) if status >= 500 else (0, 0)


def has_progressed(before, after):
    """Return whether a replica generated something between two measurements of (bytes, tokens).

    An engine without metrics of tokens may compute long answers that are not streamed: only silence of both counts.
    """
    if before is None or after[1] is None:
        return True
    return before[0] != after[0] or (before[1] is not None and before[1] != after[1])


def is_up(failures, stalls):
    """Return whether a replica may get requests."""
    return failures < FAILURES and stalls < STALLS


def sent_bytes(statistics, name):
    """Return the bytes that a replica sent, from HAProxy's "show stat"; None if it is not there."""
    rows = csv.DictReader(statistics.lstrip("# ").splitlines())
    found = (row["bout"] for row in rows if f"{row['pxname']}/{row['svname']}" == name)
    return next(found, None)


def generated_tokens(metrics):
    """Return the tokens that an engine generated since its start, from its metrics; None if they have no such."""
    counts = _TOKENS.findall(metrics)
    return sum(map(float, counts)) if counts else None


def supervised_state(status, answer):
    """Return what a supervisor reports of its replica, `up` or `down`; empty if it reports nothing."""
    try:
        report = json.loads(answer.partition("\r\n\r\n")[2]) if status == 200 else {}
    except ValueError:
        return ""
    state = report.get("state") if isinstance(report, dict) else ""
    return state if state in ("up", "down") else ""


async def exchange(reader, writer, request):
    """Send a request and return the answer until the end of the connection."""
    try:
        writer.write(request)
        await writer.drain()
        return await reader.read(-1)
    finally:
        writer.close()


class Replica:
    """A replica and what its completions showed."""

    def __init__(self, settings, given):
        self.settings, self.given = settings, given
        self.failures = self.stalls = self.status = 0
        self.progress = None
        self.supervised = ""

    async def request(self, head, body=b"", seconds=5, port=0):
        """Return status and text of an answer; status 0 if there is none in time. `port`: not the engine's."""
        lines = [f"{head} HTTP/1.1", f"Host: {self.given['address']}", "Connection: close"]
        if self.given["authorization"] and not port:
            lines.append(f"Authorization: {self.given['authorization']}")
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        try:
            opened = asyncio.open_connection(self.given["address"], port or self.given["port"])
            streams = await asyncio.wait_for(opened, 5)
            request = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
            answer = await asyncio.wait_for(exchange(*streams, request), seconds)
        except _TIMEOUT:
            return 0, ""
        except OSError:
            return 502, ""
        status = answer.split(b" ", 2)[1:2]
        return (int(status[0]) if status and status[0].isdigit() else 502), answer.decode(errors="replace")

    async def measure(self):
        """Return the bytes that HAProxy got from the replica, and the tokens that it generated."""
        try:
            streams = await asyncio.open_unix_connection(self.settings["socket"])
            statistics = await asyncio.wait_for(exchange(*streams, b"show stat\n"), 5)
        except (OSError, _TIMEOUT):
            statistics = b""
        _, metrics = await self.request("GET /metrics")
        return sent_bytes(statistics.decode(), self.given["name"]), generated_tokens(metrics.replace("\r", ""))

    async def check(self):
        """Request a completion."""
        message = {"role": "user", "content": "1"}
        body = {"model": self.given["model"], "messages": [message], "max_tokens": 1}
        self.status, _ = await self.request(
            f"POST {self.given['path']}", json.dumps(body).encode(), self.settings["timeout"]
        )
        progress = await self.measure()
        progressed = has_progressed(self.progress, progress)
        self.progress = progress
        before = self.state()
        self.failures, self.stalls = assess(self.status, progressed, self.failures, self.stalls)
        self.log_change(before)

    async def watch(self):
        """Request the state from the supervisor again and again."""
        while self.given.get("supervisor_port"):
            answer = await self.request("GET /v1/health", port=self.given["supervisor_port"])
            before = self.state()
            self.supervised = supervised_state(*answer)
            self.log_change(before)
            await asyncio.sleep(SUPERVISOR_SECONDS)

    def log_change(self, before):
        """Print a state that differs from the one before."""
        if before.partition(" ")[0] != self.state().partition(" ")[0]:
            print(f"{self.given['name']} is {self.state()}", flush=True)

    def state(self):
        """Return the answer to HAProxy."""
        if self.supervised == "down":
            return "down #its supervisor stops or starts it"
        if is_up(self.failures, self.stalls):
            return "up"
        return f"down #completions answered with {self.status}" if self.status else "down #completions hang"

    async def run(self):
        """Check again and again; sooner after a failure."""
        while True:
            self.progress = self.progress or await self.measure()
            await self.check()
            healthy = not self.failures and not self.stalls
            await asyncio.sleep(self.settings["interval"] if healthy else min(RETRY_SECONDS, self.settings["interval"]))


def answer(line, replicas):
    """Return the answer to a line of HAProxy's agent check, or to an HTTP request."""
    if line.startswith("GET "):
        body = json.dumps({name: replica.state() for name, replica in replicas.items()})
        return f"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    replica = replicas.get(line.strip())
    return f"{replica.state()}\n" if replica else "\n"


async def serve(settings):
    """Check and answer until the process ends."""
    replicas = {given["name"]: Replica(settings, given) for given in settings["replicas"]}

    async def connected(reader, writer):
        try:
            line = await asyncio.wait_for(reader.readline(), 5)
            writer.write(answer(line.decode(errors="replace"), replicas).encode())
            await writer.drain()
        except (OSError, ValueError, _TIMEOUT):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", settings["port"])
    await asyncio.gather(
        server.serve_forever(), *(task for replica in replicas.values() for task in (replica.run(), replica.watch()))
    )


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
