"""The sandbox as a person meets it: its address leads to its page, and the page says how to make it fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx

Running = Callable[..., Any]


def test_the_sandboxs_address_leads_to_its_page_which_says_how_to_make_it_fail(running: Running) -> None:
    with running("sandbox", "--port", "0") as sandbox:
        ready = re.search(r"http://127[.]0[.]0[.]1:[0-9]+", sandbox.stdout.readline())
        assert ready
        page = httpx.get(ready[0], follow_redirects=True, trust_env=False)
        assert (page.status_code, page.url.path) == (200, "/sandbox")
        [fault] = re.findall(r"<code>({.*})</code>", page.text)
        ordered = httpx.post(
            f"{ready[0]}/sandbox/faults",
            content=fault,
            headers={"Content-Type": "application/json"},
            trust_env=False,
        )
        assert ordered.status_code == 201
        assert ordered.json()["faults"][0].items() >= {"provider": "sendgrid", "kind": "500", "count": 3}.items()
        sandbox.terminate()
        assert sandbox.wait(20) == 0
