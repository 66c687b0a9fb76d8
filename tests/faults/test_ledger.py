"""The ledger: which of A, B, C and K an entry breaks."""

from typing import Any

import pytest

from faults.ledger import PARTS, Entry, violations


@pytest.mark.parametrize(
    ("entry", "parts", "broken"),
    [
        ({"told": "committed", "hooked": 1}, PARTS, ""),
        ({"told": "committed", "hooked": 1}, 0, "ABK"),
        ({"told": "committed", "hooked": 1}, 1, "AK"),
        ({"told": "committed", "hooked": 0}, PARTS, "K"),
        ({"told": "committed", "hooked": 2}, PARTS, "K"),
        ({"told": "committed", "hooks": False}, PARTS, ""),
        ({"told": "failed"}, 0, ""),
        ({"told": "failed"}, PARTS, "C"),
        ({"told": "failed", "hooked": 1}, 0, "BK"),
        ({"told": "cancelled"}, 0, ""),
        ({"told": "cancelled"}, PARTS, "C"),
        ({"told": "cancelled", "hooked": 1}, PARTS, ""),
        ({"told": "unknown"}, PARTS, ""),
        ({"told": "unknown"}, 0, ""),
        ({"told": "unknown", "hooked": 1}, PARTS, "K"),
        ({"told": "unknown", "resolved": "aborted"}, PARTS, "C"),
        ({"told": "unknown", "resolved": "committed"}, 0, "B"),
        ({"told": "unknown", "resolved": "committed"}, PARTS, ""),
    ],
)
def test_what_was_told_is_compared_with_what_is_there(
    entry: dict[str, Any], parts: int, broken: str
) -> None:
    assert "".join(violations(Entry(1, 1.0, **entry), parts)) == broken
