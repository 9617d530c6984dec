"""`overture dashboard` where nothing serves the page."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from tests.http_process import free_port


def test_a_link_that_nothing_answers_at_says_what_to_start(
    overture: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    port = str(free_port())
    told = overture("dashboard", http_port=port)
    assert (told.returncode, told.stdout.startswith(f"http://127.0.0.1:{port}/open?key=")) == (0, True)
    assert f"Nothing answers at http://127.0.0.1:{port} yet: run `overture up`, or `overture serve --http`" in " ".join(
        told.stderr.split()
    )
    assert json.loads(overture("dashboard", "--json", http_port=port).stdout)["listens"] is False


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()


def test_nothing_is_said_where_the_page_is_up(overture: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    with HTTPServer(("127.0.0.1", 0), _Healthy) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            told = overture("dashboard", http_port=str(server.server_port))
        finally:
            server.shutdown()
            thread.join()
    assert (told.returncode, "Nothing answers" in told.stderr) == (0, False)
