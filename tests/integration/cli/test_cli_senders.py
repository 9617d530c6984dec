"""`overture senders`: what a person says stands, and doctor and the gate tell it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

Overture = Callable[..., "subprocess.CompletedProcess[str]"]
MAIL = "hello@overture.example"


def test_a_sender_that_a_person_refuses_is_told_by_doctor_and_the_gate(overture: Overture) -> None:
    assert overture("import", "good.csv").returncode == 0
    refused = overture("senders", "refuse", MAIL, "--note", "the domain moves")
    assert (refused.returncode, refused.stdout) == (0, f"{MAIL} is not used until a person says otherwise.\n")
    listed = {each["address"]: each for each in json.loads(overture("senders", "list", "--json").stdout)}
    assert (listed[MAIL]["verified"], listed[MAIL]["note"]) == (False, "the domain moves")
    told = " ".join(overture("senders", "list").stdout.split())
    assert ("assumed" in told, "nobody yet" in told) == (True, True)  # of the others
    checks = json.loads(overture("doctor", "--json").stdout)["checks"]
    assert [each["health"] for each in checks if each["part"] == "sender"] == ["problem"]
    asked = json.loads(overture("senders", "check", "--json").stdout)  # no sandbox runs here
    assert {each["verified"] for each in asked} == {None}
    words = {each["channel"]: (each["used"], each["word_of"] is not None) for each in asked}
    assert (words["email"], words["linkedin"]) == ((False, True), (True, False))
    assert [each["why"] for each in asked if each["channel"] == "linkedin"] == [
        "A person sends by hand; no provider has to verify it."
    ]
    accepted = overture("senders", "accept", " Hello@Overture.Example", "--note", "moved", "--json")
    assert [each["verified"] for each in json.loads(accepted.stdout)] == [True]
    unknown = overture("senders", "accept", "x@y.example", "--note", "moved")
    assert unknown.returncode == 2
    assert unknown.stderr == "overture: There is no sender 'x@y.example'; `overture senders list` shows them.\n"
