"""The rules on a corpus of replies that a person labelled: who asks to stop is always heard."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from overture_core.replies.intent import Intent, label

CORPUS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "replies" / "corpus.json").read_text(encoding="utf-8")
)
LEAST_PRECISION, LEAST_RECALL, LEAST_RIGHT = 0.85, 0.9, 0.97


def test_precision_and_recall_of_every_label() -> None:
    of_person: Counter[str] = Counter()
    of_rules: Counter[str] = Counter()
    same: Counter[str] = Counter()
    for each in CORPUS:
        found = label(each["text"], automatic=each.get("automatic", False)).intent
        of_person[each["label"]] += 1
        of_rules[found] += 1
        same[found] += found == each["label"]
    for intent in Intent:
        recall, precision = same[intent] / of_person[intent], same[intent] / of_rules[intent]
        assert recall >= LEAST_RECALL, intent
        assert precision >= LEAST_PRECISION, intent
    assert same[Intent.STOP] == of_person[Intent.STOP], "who asks to stop is always heard"
    assert same[Intent.STOP] == of_rules[Intent.STOP], "and nobody else is taken for one, for good"
    assert same.total() / len(CORPUS) >= LEAST_RIGHT
    assert len(CORPUS) >= 390


def test_the_page_has_the_figures_of_the_corpus() -> None:
    page = (Path(__file__).parents[3] / "docs" / "replies.md").read_text(encoding="utf-8").replace("\n", " ")
    right = sum(label(each["text"], automatic=each.get("automatic", False)).intent == each["label"] for each in CORPUS)
    stops = sum(each["label"] == Intent.STOP for each in CORPUS)
    assert f"corpus of {len(CORPUS)} replies in the tests the rules find all {stops} that ask to stop" in page
    assert f"take no other for one, and label {right} as a person did" in page
