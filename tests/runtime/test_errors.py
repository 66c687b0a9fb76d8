# ruff: noqa: PT012 - a unit of work raises at the end of its block
"""Errors: their classes, what they know, and what they don't show."""

import asyncio

import asyncpg
import pytest
from items import INSERT, Database

import salacia_db.runtime.errors as tree
from salacia_db.runtime import (
    CheckViolation,
    DatabaseError,
    ForeignKeyViolation,
    IntegrityError,
    InvalidArgument,
    InvalidStatement,
    InvalidValue,
    LockNotAvailable,
    NotNullViolation,
    SalaciaError,
    Statement,
    StatementCancelled,
    UniqueViolation,
    UsageError,
    retry_safe,
)

SECRET = "sk-s3cret"


def shown(error: BaseException) -> str:
    """Everything that a report of this error could print, its causes and contexts included."""
    seen: list[str] = []
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is not None:
            seen += [str(each), repr(each), repr(vars(each)), *map(str, each.args)]
            if isinstance(each, asyncpg.PostgresError):
                seen.append(repr(each.as_dict()))
            todo += [each.__cause__, each.__context__]
    return "\n".join(seen)


async def test_a_violated_constraint_is_known_by_name(db: Database) -> None:
    await db.items.insert(1, SECRET)
    with pytest.raises(UniqueViolation) as caught:
        await db.items.insert(2, SECRET)
    error = caught.value
    assert (error.constraint, error.table, error.sqlstate) == ("item_name_key", "item", "23505")
    assert error.statement == "items.insert"
    assert isinstance(error, IntegrityError)
    assert isinstance(error.__cause__, asyncpg.UniqueViolationError)
    assert not retry_safe(error)
    assert SECRET not in shown(error)
    with pytest.raises(CheckViolation) as check:
        await db.items.insert(3, SECRET + "2", -1)
    assert check.value.constraint == "amount_not_negative"
    assert SECRET not in shown(check.value)
    with pytest.raises(NotNullViolation) as missing:
        await db.session.execute(INSERT, 4, None, 0, {"key": SECRET})
    assert (missing.value.table, missing.value.column) == ("item", "name")
    assert SECRET not in shown(missing.value)
    with pytest.raises(ForeignKeyViolation) as foreign:
        await db.execute("insert into child values (1, 99)")
    assert foreign.value.constraint == "child_item_fkey"


@pytest.mark.parametrize(
    ("args", "parameter", "expected"),
    [
        ((SECRET, "a", 0, None), "id", "int4"),
        ((1, 5, 0, None), "name", "text"),
        ((1, "a", 10**12, None), "amount", "int4"),
        ((1, "a", 0, object()), "note", "jsonb"),
    ],
)
@pytest.mark.parametrize("inside", [True, False])
async def test_an_argument_that_does_not_fit_is_named_but_not_shown(
    db: Database, args: tuple[object, ...], parameter: str, expected: str, inside: bool
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        if inside:
            async with db.unit_of_work() as uow:
                await uow.session.fetchrow(INSERT, *args)
        else:
            await db.session.fetchrow(INSERT, *args)
    error = caught.value
    assert (error.parameter, error.expected) == (parameter, expected)
    assert f"items.insert: argument {parameter} is a" in str(error)
    assert not {SECRET, str(10**12)} & set(shown(error).replace("'", " ").split())
    assert SECRET not in shown(error)
    assert error.__cause__ is None
    assert error.__context__ is None


async def test_the_row_of_a_bad_argument_in_a_bulk_call_is_named(db: Database) -> None:
    rows = [(1, "a", 0, None), (2, "b", SECRET, None)]
    for call in (db.items.insert_many, db.items.add_many):
        with pytest.raises(InvalidArgument, match=r"argument amount .* \(row 1 of") as caught:
            await call(rows)
        assert SECRET not in shown(caught.value)
    with pytest.raises(InvalidArgument, match="a value of row 1 doesn't fit") as copied:
        await db.items.copy(rows)
    assert SECRET not in shown(copied.value)
    assert await db.items.list() == []


async def test_the_element_of_an_array_that_does_not_fit_is_told(db: Database) -> None:
    several = Statement("items.several", "select $1::int[]", parameters=("ids",))
    for wrong, told in (
        ([1, SECRET], "argument ids doesn't fit int4[]: at index 1 is a str"),
        ([object()], "argument ids doesn't fit int4[]: at index 0 is an object"),
        ([[1], [SECRET]], "argument ids is a list that doesn't fit int4[]"),
        (object(), "argument ids is an object that doesn't fit int4[]"),
    ):
        with pytest.raises(InvalidArgument) as caught:
            await db.session.fetchrow(several, wrong)
        assert str(caught.value) == f"items.several: {told}"
        assert SECRET not in shown(caught.value)


async def test_a_wrong_number_of_arguments_is_a_usage_error(db: Database) -> None:
    with pytest.raises(UsageError, match=r"items\.insert: the server expects 4 arguments"):
        await db.session.fetchrow(INSERT, 1)


@pytest.mark.parametrize(
    ("sql", "args"),
    [
        ("select $1::text::int", (SECRET,)),
        ("select $1::text::timestamptz", (SECRET,)),
        ("select $1::text::jsonb", (SECRET,)),
        ("select jsonb_path_query('{}', $1::text::jsonpath)", (f'"{SECRET}',)),
        ("select $1::text::uuid", (f'x"{SECRET}"x',)),
        ("select $1::text::int[]", (SECRET,)),
    ],
)
async def test_a_malformed_value_is_not_shown_by_the_servers_message(
    db: Database, sql: str, args: tuple[str, ...]
) -> None:
    with pytest.raises((InvalidValue, InvalidStatement)) as caught:
        await db.fetchval(sql, *args)
    assert SECRET not in shown(caught.value)
    assert isinstance(caught.value, DatabaseError)
    assert caught.value.statement == "raw SQL"


async def test_wrong_sql_keeps_the_servers_hint(db: Database) -> None:
    with pytest.raises(InvalidStatement, match=r'Perhaps you meant .*"item\.name"'):
        await db.fetch("select nmae from item")


async def test_what_may_be_repeated_says_so(db: Database, bystander) -> None:
    await db.items.insert(1)
    await bystander.execute("begin; lock item")
    with pytest.raises(LockNotAvailable) as caught:
        await db.execute("begin; lock item nowait")
    assert retry_safe(caught.value)
    await bystander.execute("rollback")
    with pytest.raises(StatementCancelled) as cancelled:
        async with db.unit_of_work(settings={"statement_timeout": "20ms"}) as uow:
            await uow.items.sleep(s=5)
    assert not retry_safe(cancelled.value)
    assert not retry_safe(ValueError())


async def test_a_deadlock_chooses_one_and_says_so(db: Database) -> None:
    await db.items.insert(1)
    await db.items.insert(2)
    ready = asyncio.Barrier(2)

    async def rename(first: int, second: int) -> None:
        settings = {"deadlock_timeout": "20ms"}
        async with db.unit_of_work(settings=settings) as uow:
            await uow.items.rename(first, f"{first} by {second}")
            await ready.wait()
            await uow.items.rename(second, f"{second} by {first}")

    results = await asyncio.gather(rename(1, 2), rename(2, 1), return_exceptions=True)
    errors = [result for result in results if result is not None]
    assert [type(error) for error in errors] == [tree.DeadlockDetected]
    assert retry_safe(errors[0])


async def test_what_decodes_wrongly_passes_untouched(db: Database) -> None:
    with pytest.raises(UsageError):
        await db.session.fetch(Statement("x.y", "select 1"), 1)


def test_every_error_belongs_to_the_tree_and_says_what_it_means() -> None:
    for name in tree.__all__:
        cls = getattr(tree, name)
        if isinstance(cls, type):
            assert issubclass(cls, SalaciaError)
            assert cls.__doc__
            assert isinstance(cls.retry_safe, bool)
    defined = {
        name
        for name, value in vars(tree).items()
        if isinstance(value, type) and issubclass(value, SalaciaError)
    }
    assert defined == {name for name in tree.__all__ if name != "retry_safe"}


@pytest.mark.parametrize(
    "error",
    [
        tree.ConnectionLost("gone"),
        tree.DeadlineExceeded("late", statement="items.get"),
        tree.CommitOutcomeUnknown("lost", xid=7, incarnation="a/b"),
        tree.WriteDeadlineExceeded("late", statement="items.add"),
        tree.PoolTimeout("full"),
        tree.UsageError("closed"),
        tree.ConnectionFailed("refused"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_same_error_for_another_caller_shares_nothing_but_its_cause(error) -> None:
    error.__cause__ = ValueError()
    error.retry_safe = True
    other = tree.another(error)
    other.add_note("of one caller")
    assert (type(other), str(other), other.args) == (type(error), str(error), error.args)
    assert {**vars(other), "__notes__": None} == {**vars(error), "__notes__": None}
    assert other.__cause__ is error.__cause__
    assert not hasattr(error, "__notes__")
