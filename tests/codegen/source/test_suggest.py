"""Suggestions are near, and the same every time."""

import pytest

from salacia_db.codegen.source import did_you_mean


@pytest.mark.parametrize(
    ("word", "candidates", "expected"),
    [
        ("nmae", ["id", "name"], "name"),
        ("NAME", ["id", "name"], "name"),
        ("name", ["Name"], "Name"),
        ("modle", ["model", "mode", "created_at"], "model"),
        ("user", ["user_id"], "user_id"),
        ("zebra", ["id", "name"], None),
        ("x", [], None),
        ("", ["id"], None),
    ],
)
def test_the_nearest_candidate(word, candidates, expected):
    assert did_you_mean(word, candidates) == expected


def test_the_order_of_candidates_does_not_matter():
    assert did_you_mean("ac", ["ab", "ad"]) == did_you_mean("ac", ["ad", "ab"])


def test_a_higher_likeness_asks_for_more():
    assert did_you_mean("note", ["none"]) == "none"
    assert did_you_mean("note", ["none"], likeness=0.8) is None
