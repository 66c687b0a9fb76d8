"""Each generated function is called once at least, with arguments made from its own signature."""

import inspect
import typing
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest

import salacia
from salacia_db import IntegrityError, NotFound, Secret, Stream
from salacia_db.codegen.source import read_queries
from salacia_db.runtime import Group, NumberedPage, Page, uuid7

ROOT = Path(__file__).parents[2]
SAMPLES: dict[Any, Any] = {
    str: "healthy",
    int: 1,
    bool: True,
    float: 1.0,
    UUID: uuid7(),
    datetime: datetime(2026, 1, 1, tzinfo=UTC),
    salacia.AuthType: salacia.AuthType.API_KEY,
    Any: {"prompt": "Hello"},
    Secret[str]: Secret("sk-1"),
}


def functions() -> list[tuple[str, str]]:
    """Every function of every group, by the names under which a database has them."""
    groups = {
        name: get_type_hints(member.fget)["return"]
        for name, member in inspect.getmembers(salacia.Queries)
        if isinstance(member, property)
    }
    return [
        (name, function)
        for name, group in groups.items()
        for function, member in vars(group).items()
        if inspect.isfunction(member) and not function.startswith("_")
    ]


def sample(hint: Any) -> Any:
    """A value of the type."""
    if hint in SAMPLES:
        return SAMPLES[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is typing.Union or type(hint).__name__ == "UnionType":
        return sample(next(a for a in arguments if a is not type(None)))
    if origin is Literal:
        return arguments[0]
    if origin is Iterable:  # the rows of a bulk call
        hints = get_type_hints(arguments[0])
        return [arguments[0](**{n: sample(h) for n, h in hints.items()})]
    return [sample(arguments[0])]


def test_there_is_a_function_for_every_statement() -> None:
    statements, problems = read_queries([ROOT / "sql"], "salacia", ROOT)
    assert not problems
    expected = [(s.group, s.name) for s in statements]
    expected += [(s.group, f"{s.name}_numbered") for s in statements if s.kind == "page"]
    assert sorted(functions()) == sorted(expected)


@pytest.mark.parametrize(("group", "name"), functions())
async def test_a_query_runs(db: salacia.Database, group: str, name: str) -> None:
    function = getattr(getattr(db, group), name)
    assert isinstance(getattr(db, group), Group)
    hints = get_type_hints(function)
    result_type = hints.pop("return")
    for cursor in ("after", "before"):
        hints.pop(cursor, None)  # there is no page yet that one could come from
    call = function(**{parameter: sample(hint) for parameter, hint in hints.items()})
    try:
        result = [row async for row in call] if isinstance(call, Stream) else await call
    except (IntegrityError, NotFound):
        return  # PostgreSQL ran it: a sample is no row's key
    if result_type is int:
        assert isinstance(result, int)
    elif get_origin(result_type) in (list, Stream, Page, NumberedPage):
        assert all(isinstance(row, get_args(result_type)[0]) for row in result)
