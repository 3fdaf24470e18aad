"""A Docker that does not answer requests whose path matches a pattern, such as those for a container of it.

Usage: hanging_docker.py SOCKET PATTERN [CONTAINER].
"""

import json
import re
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler

VERSION = {"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if re.search(sys.argv[2], self.path):
            threading.Event().wait()
        path = self.path.partition("?")[0]
        if path.endswith("/version"):
            self.answer(200, VERSION)
        elif path.endswith("/containers/json"):
            self.answer(200, [{"Id": name, "Names": [f"/{name}"]} for name in sys.argv[3:]])
        else:
            self.answer(404, {"message": "No such container"})

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "local"

    def log_message(self, *arguments: object) -> None:
        print(self.requestline, flush=True)


if __name__ == "__main__":
    socketserver.ThreadingUnixStreamServer(sys.argv[1], Handler).serve_forever()
