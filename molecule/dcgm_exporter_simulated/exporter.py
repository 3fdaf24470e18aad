"""Answer as NVIDIA's DCGM exporter does, at the address of its environment variable."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer

ANSWERS = {"/health": "OK", "/metrics": 'DCGM_FI_DEV_GPU_TEMP{gpu="0"} 40\n'}


class Handler(BaseHTTPRequestHandler):
    """Answers the two paths."""

    def do_GET(self):
        """Answer 200, or 404 for another path."""
        text = ANSWERS.get(self.path)
        self.send_response(200 if text else 404)
        self.end_headers()
        self.wfile.write((text or "").encode())


if __name__ == "__main__":
    HTTPServer(("", int(os.environ["DCGM_EXPORTER_LISTEN"].lstrip(":"))), Handler).serve_forever()
