"""What stands in place of a WhatsApp message's text: the approved template and its variables."""

from __future__ import annotations

from overture_core.messages import direct_showing
from overture_core.messages.content import Content, filled

SID = "HX" + "0a" * 16


def test_variables_stand_in_their_order_with_their_values() -> None:
    assert filled({"10": "j", "2": "b", "1": "a", "name": "n"}) == "1: a\n2: b\n10: j\nname: n"
    assert filled({}) == filled(None) == "none"


def test_a_message_tells_that_its_text_is_not_what_leaves() -> None:
    content = Content(None, "Hi Ada.", None, content_sid=SID, variables={"1": "Ada"})
    assert direct_showing.shown(content) == [
        "> Hi Ada.",
        f"WhatsApp sends its approved template {SID} in place of this text, with these variables:",
        "> 1: Ada",
    ]
