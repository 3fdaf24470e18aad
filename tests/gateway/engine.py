"""A stub engine: answers with the name of its server, the path, the key and the body that it received."""

import json
import select
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Engine(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1. Streams `max_tokens` events of a request, 0.1 s (its `pause`) apart."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.port, self.healthy = name, self.server_address[1], True
        self.requests: list[str] = []
        self.tokens = 0
        self.prompt_tokens = 0
        self.aborted = 0
        """Requests whose connection was closed before their answer."""
        self.completions = "ok"
        """fail: answered with 500; hang: those that are not streamed wait until `resume` is set."""
        self.resume = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore connections that a client or HAProxy closed."""

    def stop(self) -> None:
        """Close the port."""
        self.resume.set()
        self.shutdown()
        self.server_close()


def usage(prompt: int, completion: int) -> dict[str, int]:
    """Return the numbers of tokens in the order of vLLM's UsageInfo."""
    return {"prompt_tokens": prompt, "total_tokens": prompt + completion, "completion_tokens": completion}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Engine

    def do_GET(self) -> None:
        if self.path == "/metrics":
            metrics = f'vllm:generation_tokens_total{{model_name="m"}} {float(self.server.tokens)}\n'
            metrics += f'vllm:prompt_tokens_total{{model_name="m"}} {float(self.server.prompt_tokens)}\n'
            self._send(metrics.encode(), "text/plain", 200)
            return
        self._answer({}, 200 if self.server.healthy else 503)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or self._chunks()
        self.server.requests.append(self.path)
        request = json.loads(body)
        if "wait" in request and self._aborted(request["wait"]):
            return
        if self.server.completions == "fail":
            self._answer({}, 500)
            return
        if self.server.completions == "hang" and not request.get("stream"):
            self.server.resume.wait(20)
        if "parts" in request:
            self._send_parts(request["parts"], request.get("kind", "application/json"))
            return
        if "tokens" in request:
            self._generate(*request["tokens"], stream=bool(request.get("stream")))
            return
        if request.get("stream"):
            self._stream(request["max_tokens"], request.get("pause", 0.1))
            return
        key = self.headers.get("Authorization")
        message = {"choices": [{"message": {"role": "assistant", "content": self.server.name}}]}
        shown = {"server": self.server.name, "path": self.path, "authorization": key, "bytes": len(body), **message}
        shown["accept_encoding"] = self.headers.get("Accept-Encoding")
        self._answer(shown, 200)

    def _aborted(self, seconds: float) -> bool:
        """Wait, and return whether the connection was closed meanwhile, at which vLLM ends a request as well."""
        readable, _, _ = select.select([self.connection], [], [], seconds)
        try:
            closed = bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except ConnectionError:
            closed = True
        self.server.aborted += closed
        self.close_connection = closed
        return closed

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, answer: dict[str, Any], status: int) -> None:
        self._send(json.dumps(answer).encode(), "application/json", status)

    def _send(self, body: bytes, kind: str, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_parts(self, parts: list[str], kind: str) -> None:
        """Send a body in parts, each as a chunk of HTTP and so late that it is forwarded for itself."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in map(str.encode, parts):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
            time.sleep(0.002)
        self.wfile.write(b"0\r\n\r\n")

    def _generate(self, prompt: int, tokens: int, *, stream: bool) -> None:
        """Count tokens as vLLM does, and answer with their numbers as vLLM does if it is forced to."""
        self.server.prompt_tokens += prompt
        if not stream:
            self.server.tokens += tokens
            self._answer({"choices": [{"text": '"usage":{"prompt_tokens":9}'}], "usage": usage(prompt, tokens)}, 200)
            return
        events = []
        for number in range(1, tokens + 1):
            self.server.tokens += 1
            events.append({"choices": [{"delta": {"content": "x"}}], "usage": usage(prompt, number)})
        events.append({"choices": [], "usage": usage(prompt, tokens)})
        lines = [f"data: {json.dumps(event, separators=(',', ':'))}\n\n" for event in events]
        self._send_parts([*lines, "data: [DONE]\n\n"], "text/event-stream")

    def _stream(self, tokens: int, pause: float) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(tokens):
            event = f"data: {self.server.name} {number}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.flush()
            self.server.tokens += 1
            time.sleep(pause)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *args: Any) -> None:
        """Print nothing."""
