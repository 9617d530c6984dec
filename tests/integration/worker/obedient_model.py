"""A model that obeys: it answers with what the text orders in `SAY: ...`, else with the first label offered.

Run as a process of its own; prints its port.
"""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Model(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        order = re.search(r"SAY: (.*)", json.loads(asked["messages"][1]["content"]))
        label = asked["messages"][0]["content"].rpartition(": ")[2].partition(",")[0]
        body = json.dumps({"choices": [{"message": {"content": order.group(1) if order else label}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", 0), Model)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
