"""A stand-in for an engine and its ranks: OpenAI's path for completions and vLLM's names of metrics, without a model.

Usage: stand_in_engine.py rank [PORT] | stand_in_engine.py PORT FAULT_FILE LOAD_SECONDS. A rank with a port is Ray's
head node, which listens on it some seconds after its start, and prints when. The file contains `hang` (requests are
accepted and never answered), `fail` (they are answered with 500), `busy` (they hang while tokens are generated for
others), or nothing.
"""

import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HEAD_SECONDS = 3


def serve(port: int, fault_file: Path, load_seconds: float) -> None:
    tokens = [0]

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            if fault_file.read_text() == "hang":
                time.sleep(3600)
            tokens[0] += fault_file.read_text() == "busy"
            self.answer(
                200, f'vllm:generation_tokens_total{{engine="0"}} {tokens[0]}.0\nvllm:num_requests_running 0.0\n'
            )

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            fault = fault_file.read_text()
            if fault in ("hang", "busy"):
                time.sleep(3600)
            tokens[0] += fault == ""
            self.answer(500 if fault == "fail" else 200, "{}")

        def log_message(self, *arguments: object) -> None:
            pass

    time.sleep(load_seconds)
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if sys.argv[1] == "rank":
        if len(sys.argv) > 2:
            time.sleep(HEAD_SECONDS)
            server = socket.create_server(("127.0.0.1", int(sys.argv[2])), backlog=128)
            print(time.time(), flush=True)
        threading.Event().wait()
    serve(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
