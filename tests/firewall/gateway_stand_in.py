"""A gateway's ports: health on 127.0.0.1 and its name on all addresses: python gateway_stand_in.py NAME HEALTH PORT."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(sys.argv[1].encode())

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore connections that a client closed: the check reads the status only."""


servers = [Server(("127.0.0.1", int(sys.argv[2])), Handler), Server(("", int(sys.argv[3])), Handler)]
for server in servers:
    threading.Thread(target=server.serve_forever, daemon=True).start()
print("listening", flush=True)
sys.stdin.read()
