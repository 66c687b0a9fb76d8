"""`SALACIA_TEST_ROUTE=bodies` has the tests read query trees by the second route.

`SALACIA_PG_BIN=/usr/lib/postgresql/15/bin` has them run on another server, as it has everything,
and `SALACIA_TEST_WITHOUT=vector` leaves out an extension that it lacks.
"""

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from salacia_db.codegen.analysis.server import Server


@pytest.fixture(scope="session", autouse=True)
def route() -> Iterator[None]:
    """The route that was asked for."""
    chosen = os.environ.get("SALACIA_TEST_ROUTE", "messages")
    assert chosen in ("messages", "bodies")
    if chosen == "messages":
        yield
        return
    with patch.object(Server, "_sends_trees", lambda self: False):
        yield
