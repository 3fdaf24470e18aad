"""Count the requests, tokens and latencies of each client from the gateway's access log, and serve them.

The journal keeps the log while this program does not run: it continues at the position that it stores together with
its counts, so that each line counts once. A line has no prompt, and nothing else of a request is read.

Argument: a JSON file with `address` (or several) and `port`, `source` (command that follows the journal in JSON),
`store` (path of the database), `days` and `bytes` (how long and how much is kept).

GET /usage?since=SECONDS returns the counts of each client and model since the beginning of that hour; /metrics
returns those since the first line, for Prometheus.
"""

import asyncio
import bisect
import json
import operator
import sqlite3
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

HOUR = 3600
BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Upper bounds of the histograms, in seconds; a last bucket has what is above them."""
SECONDS = 5
"""For a request, and for a client to receive its answer."""
TIMEOUT = asyncio.TimeoutError  # before Python 3.11, not the builtin one
NONE = "-"
"""What the log has for what a request has not, for example its client if it has no valid key."""
_OTHERS = ("/health", "/v1/models")
_TEXTS = ("client", "model", "path", "termination")
_NUMBERS = ("status", "total_ms")
_MAYBE = ("ttft_ms", "prompt_tokens", "completion_tokens")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS hours (hour INTEGER, client TEXT, model TEXT, counts TEXT,
    PRIMARY KEY (hour, client, model)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS totals (client TEXT, model TEXT, counts TEXT, PRIMARY KEY (client, model)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (id INTEGER PRIMARY KEY CHECK (id = 1), cursor TEXT, seconds REAL);
"""


def new_counts():
    """Return the counts of no request."""
    times = {name: {"buckets": [0] * (len(BOUNDS) + 1), "sum": 0.0} for name in ("ttft", "duration")}
    numbers = dict.fromkeys(("aborted", "without_usage", "prompt_tokens", "completion_tokens"), 0)
    return {"requests": {}, **numbers, **times}


def add_request(counts, request):
    """Add a request, a line of the access log, to counts."""
    status = str(request["status"])
    answered = request["status"] >= 100  # -1: the request ended without an answer (src/log.c of HAProxy)
    succeeded = answered and request["status"] < 400
    counts["requests"][status] = counts["requests"].get(status, 0) + 1
    if not answered or (succeeded and not request["termination"].startswith("--")):
        counts["aborted"] += 1
    if request["prompt_tokens"] is not None:
        counts["prompt_tokens"] += request["prompt_tokens"]
        counts["completion_tokens"] += request["completion_tokens"] or 0
    elif succeeded:
        counts["without_usage"] += 1
    if succeeded:
        _observe(counts["duration"], request["total_ms"] / 1000)
        if request["ttft_ms"] is not None:
            _observe(counts["ttft"], request["ttft_ms"] / 1000)


def _observe(histogram, seconds):
    histogram["sum"] += seconds
    histogram["buckets"][bisect.bisect_left(BOUNDS, seconds)] += 1


def add_counts(counts, others):
    """Add other counts to counts."""
    for status, number in others["requests"].items():
        counts["requests"][status] = counts["requests"].get(status, 0) + number
    for name in ("aborted", "without_usage", "prompt_tokens", "completion_tokens"):
        counts[name] += others[name]
    for name in ("ttft", "duration"):
        counts[name]["sum"] += others[name]["sum"]
        counts[name]["buckets"] = list(map(operator.add, counts[name]["buckets"], others[name]["buckets"]))


def read_entry(line):
    """Return position, time in seconds and request of an entry of the journal; the request is None if it has none."""
    entry = json.loads(line)
    return entry["__CURSOR"], int(entry["__REALTIME_TIMESTAMP"]) / 1e6, _request(entry.get("MESSAGE"))


def _request(text):
    """Return the request of a line of the log; None for other lines, as those of Open WebUI's page."""
    try:
        request = json.loads(text)
        read = {name: str(request[name]) for name in _TEXTS}
        read.update({name: int(request[name]) for name in _NUMBERS})
        read.update({name: None if request[name] == NONE else int(request[name]) for name in _MAYBE})
    except (ValueError, TypeError, KeyError):  # journalctl has a list of bytes for text that is not UTF-8
        return None
    return read if read["path"] not in _OTHERS else None


class Store:
    """The counts of each hour and those since the first line, on disk and in memory."""

    def __init__(self, path, days, size):
        self.path, self.days, self.size = Path(path), days, size
        self.totals, self.hours, self.changed = {}, {}, set()
        self.cursor, self.seconds, self.pruned = "", 0.0, 0
        self.database = self._open()

    def _open(self):
        try:
            return self._load()
        except sqlite3.OperationalError:  # not readable, or the disk is full
            raise
        except sqlite3.DatabaseError as error:
            print(f"{self.path} is damaged ({error}) and was renamed; counting starts again", flush=True)
            self.path.replace(f"{self.path}.damaged")
            return self._load()

    def _load(self):
        database = sqlite3.connect(str(self.path), isolation_level=None)
        # Otherwise a damaged page would end every run when it is read.
        if (problem := database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            database.close()
            raise sqlite3.DatabaseError(problem)
        database.executescript(_SCHEMA)
        rows = database.execute("SELECT client, model, counts FROM totals")
        self.totals = {(client, model): json.loads(counts) for client, model, counts in rows}
        self.cursor, self.seconds = next(database.execute("SELECT cursor, seconds FROM position"), ("", 0.0))
        return database

    def add(self, line):
        """Count an entry of the journal."""
        self.cursor, self.seconds, request = read_entry(line)
        if request is None:
            return
        key = (request["client"], request["model"])
        hour = int(self.seconds) // HOUR * HOUR
        add_request(self.totals.setdefault(key, new_counts()), request)
        add_request(self._hour(hour, *key), request)
        self.changed.add((hour, *key))

    def _hour(self, *key):
        if key not in self.hours:
            query = "SELECT counts FROM hours WHERE hour = ? AND client = ? AND model = ?"
            row = next(self.database.execute(query, key), None)
            self.hours[key] = json.loads(row[0]) if row else new_counts()
        return self.hours[key]

    def save(self):
        """Write what changed since the last time, with the position in the journal, and delete what is too old."""
        try:
            self.database.execute("BEGIN")
            hours = [(*key, json.dumps(self.hours[key])) for key in self.changed]
            totals = [(*key, json.dumps(self.totals[key])) for key in {key[1:] for key in self.changed}]
            self.database.executemany("INSERT OR REPLACE INTO hours VALUES (?, ?, ?, ?)", hours)
            self.database.executemany("INSERT OR REPLACE INTO totals VALUES (?, ?, ?)", totals)
            self.database.execute("INSERT OR REPLACE INTO position VALUES (1, ?, ?)", (self.cursor, self.seconds))
            self._prune()
            self.database.execute("COMMIT")
        except sqlite3.OperationalError as error:  # the disk is full: the counts stay in memory
            print(f"{self.path} cannot be written: {error}", flush=True)
            if self.database.in_transaction:
                self.database.execute("ROLLBACK")
            return
        current = max((key[0] for key in self.changed), default=0)
        self.hours = {key: counts for key, counts in self.hours.items() if key[0] >= current - HOUR}
        self.changed.clear()

    def _prune(self):
        """Delete hours beyond the days that are kept, and the oldest ones beyond the size."""
        self.database.execute("DELETE FROM hours WHERE hour < ?", (self.seconds - self.days * 86400,))
        while self._used() > self.size and self.database.execute("SELECT 1 FROM hours LIMIT 1").fetchone():
            self.database.execute("DELETE FROM hours WHERE hour = (SELECT min(hour) FROM hours)")

    def _used(self):
        pages, free, size = (
            self.database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def since(self, seconds):
        """Return the counts of each client and model since the beginning of the hour of a time."""
        self.save()
        summed = {}
        query = "SELECT client, model, counts FROM hours WHERE hour >= ?"
        for client, model, counts in self.database.execute(query, (int(seconds) // HOUR * HOUR,)):
            add_counts(summed.setdefault((client, model), new_counts()), json.loads(counts))
        return [{"client": client, "model": model, **summed[client, model]} for client, model in sorted(summed)]


def metrics(totals):
    """Return the counts in Prometheus' text format."""
    families = {
        "requests_total": ("counter", "Requests by status."),
        "prompt_tokens_total": ("counter", "Tokens of prompts."),
        "completion_tokens_total": ("counter", "Generated tokens."),
        "requests_aborted_total": ("counter", "Answers that ended early, by the client or the engine."),
        "requests_without_usage_total": ("counter", "Answers without numbers of tokens."),
        "ttft_seconds": ("histogram", "Time from the complete request to the first byte of the answer."),
        "duration_seconds": ("histogram", "Time of the complete request and its answer."),
    }
    lines = {name: [] for name in families}
    for (client, model), counts in sorted(totals.items()):
        labels = f"client={_quoted(client)},model={_quoted(model)}"
        for status, number in sorted(counts["requests"].items()):
            lines["requests_total"].append(f'{{{labels},status="{status}"}} {number}')
        for name in ("prompt_tokens", "completion_tokens"):
            lines[f"{name}_total"].append(f"{{{labels}}} {counts[name]}")
        for name in ("aborted", "without_usage"):
            lines[f"requests_{name}_total"].append(f"{{{labels}}} {counts[name]}")
        for name in ("ttft", "duration"):
            lines[f"{name}_seconds"] += _histogram(labels, counts[name])
    text = []
    for name, (kind, description) in families.items():
        full = f"inferfleet_client_{name}"
        text += [f"# HELP {full} {description}", f"# TYPE {full} {kind}", *(full + line for line in lines[name])]
    return "\n".join(text) + "\n"


def _histogram(labels, histogram):
    lines, total = [], 0
    for index, number in enumerate(histogram["buckets"]):
        total += number
        bound = f"{BOUNDS[index]:g}" if index < len(BOUNDS) else "+Inf"
        lines.append(f'_bucket{{{labels},le="{bound}"}} {total}')
    return [*lines, f"_sum{{{labels}}} {histogram['sum']:.3f}", f"_count{{{labels}}} {total}"]


def _quoted(text):
    """Return a label's value (prometheus.io/docs/instrumenting/exposition_formats)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


class Service:
    """Follows the journal and answers requests."""

    def __init__(self, settings):
        self.settings = settings
        self.store = Store(settings["store"], settings["days"], settings["bytes"])
        self.following = False

    async def follow(self):
        """Read the journal, from where the last run stopped, again and again."""
        position = ["--after-cursor", self.store.cursor] if self.store.cursor else []
        while True:
            process = await asyncio.create_subprocess_exec(
                *self.settings["source"], *position, stdout=asyncio.subprocess.PIPE, limit=2**20
            )
            self.following, read = True, 0
            async for line in process.stdout:
                self.store.add(line)
                read += 1
            self.following = False
            status = await process.wait()
            position = ["--after-cursor", self.store.cursor] if self.store.cursor else []
            if status and not read and position:  # the journal has lost this position
                position = ["--since", f"@{self.store.seconds:.0f}"]
            print(f"the journal ended with status {status}", flush=True)
            await asyncio.sleep(1)

    async def save(self):
        """Save every second."""
        while True:
            await asyncio.sleep(1)
            if self.store.changed:
                self.store.save()

    def answer(self, target):
        """Return status, type and body of the answer to a path with its query."""
        url = urlsplit(target)
        if url.path == "/metrics":
            return 200, "text/plain; version=0.0.4", metrics(self.store.totals)
        if url.path == "/usage":
            since = float(parse_qs(url.query).get("since", ["0"])[0])
            span = {"since": int(since) // HOUR * HOUR, "until": time.time(), "bounds": BOUNDS}
            report = {**span, "rows": self.store.since(since)}
            return 200, "application/json", json.dumps(report)
        if url.path == "/":
            return (200, "text/plain", "ok") if self.following else (503, "text/plain", "the journal is not read")
        return 404, "text/plain", ""

    async def connected(self, reader, writer):
        """Answer a request of HTTP."""
        try:
            status, kind, body = await self._answered(reader)
            content = body.encode()
            head = f"HTTP/1.0 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
            writer.write(head.encode() + content)
            await asyncio.wait_for(writer.drain(), SECONDS)
        except (TIMEOUT, OSError):
            pass
        finally:
            writer.close()

    async def _answered(self, reader):
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
            return self.answer(head.decode().split(" ")[1])
        except (TIMEOUT, OSError, ValueError, IndexError, EOFError, OverflowError, asyncio.LimitOverrunError):
            return 400, "text/plain", ""
        except sqlite3.Error as error:
            print(f"{self.store.path} cannot be read: {error}", flush=True)
            return 500, "text/plain", ""

    async def run(self):
        """Run until the process ends."""
        server = await asyncio.start_server(self.connected, self.settings.get("address"), self.settings["port"])
        await asyncio.gather(server.serve_forever(), self.follow(), self.save())


if __name__ == "__main__":
    asyncio.run(Service(json.loads(Path(sys.argv[1]).read_text("utf-8"))).run())
