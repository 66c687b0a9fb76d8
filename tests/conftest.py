"""`SALACIA_TEST_ROUTE=bodies` has the tests read query trees by the second route.

`SALACIA_PG_BIN=/usr/lib/postgresql/15/bin` has them run on another server, as it has everything,
and `SALACIA_TEST_WITHOUT=vector` leaves out an extension that it lacks.
"""

import gc
import os
import signal
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from salacia_db.codegen.analysis.server import Server

# A shell has what it runs in the background ignore SIGINT, which programs started by tests inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """The collected tests are no garbage: what looks for some need not look through them."""
    gc.collect()
    gc.freeze()


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
