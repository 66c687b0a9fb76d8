"""Events of messages: after commit only, none missed, none twice, whoever writes them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from faults.proxy import CuttingProxy, Verdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import salacia
from salacia_db import UsageError, uuid7
from salacia_db.gateway.events import MessageEvents
from salacia_db.gateway.subscription import Batch, Event, Position, Subscription, gap


@pytest.fixture
async def events(db: salacia.Database) -> AsyncIterator[MessageEvents]:
    async with MessageEvents(db, pause=0.005) as opened:
        yield opened


async def record(queries: salacia.Queries, id: UUID | None = None) -> UUID:
    row = await queries.ai_interactions.create(id=id or uuid7(), model="m", request={"prompt": "p"})
    return row.id


async def told(batches: Subscription, count: int) -> list[Event]:
    """The next events, at least so many."""
    found: list[Event] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found += (await anext(batches)).events
    return found


async def test_what_is_committed_is_told_in_order(
    db: salacia.Database, events: MessageEvents
) -> None:
    async with await events.subscribe() as batches:
        async with db.unit_of_work() as uow:
            first = await record(uow)
            await uow.ai_interactions.complete(id=first, response={"a": 1}, status_code=200)
        second = await record(db)
        found = await told(batches, 3)
    assert [(event.name, event.message_id) for event in found] == [
        ("message:created", first),
        ("message:updated", first),
        ("message:created", second),
    ]
    assert found[1].message is not None
    assert found[1].message.is_success
    assert [event.position for event in found] == sorted(event.position for event in found)


async def test_what_is_rolled_back_is_never_told(
    db: salacia.Database, events: MessageEvents
) -> None:
    async with await events.subscribe() as batches:
        async with db.unit_of_work() as uow:
            await record(uow)
            await uow.rollback()
        async with db.unit_of_work() as uow:
            kept = await record(uow)
            async with uow.unit_of_work() as attempt:
                await record(attempt)
                await attempt.rollback()
        assert [event.message_id for event in await told(batches, 1)] == [kept]


async def test_who_commits_late_is_not_passed_over(
    db: salacia.Database, events: MessageEvents
) -> None:
    async with await events.subscribe() as batches:
        async with db.unit_of_work() as late:
            first = await record(late)
            second = await record(db)
            # The second is committed, and yet to be told: what is older may still come before it.
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await anext(batches)
        assert [event.message_id for event in await told(batches, 2)] == [first, second]


async def test_every_writer_is_seen(db: salacia.Database, events: MessageEvents, url: str) -> None:
    """Bulk, COPY, raw SQL and other programs; each row has its event."""
    rows = [salacia.AiInteractionsCreateManyInput(model="m", request={}) for _ in range(7)]
    other = await asyncpg.connect(url)
    async with await events.subscribe() as batches:
        await db.ai_interactions.create_many(rows)
        await other.execute("insert into ai_interactions (model, request) values ('m', '{}')")
        await other.copy_records_to_table(
            "ai_interactions", records=[("m", "{}")] * 3, columns=["model", "request"]
        )
        await other.execute("update ai_interactions set error = 'e'")
        found = await told(batches, 22)
    await other.close()
    names = [event.name for event in found]
    assert names == ["message:created"] * 11 + ["message:updated"] * 11
    assert {e.message_id for e in found[:11]} == {e.message_id for e in found[11:]}


async def test_a_deleted_provider_floods_nobody(
    db: salacia.Database, events: MessageEvents
) -> None:
    provider = await db.ai_providers.create(name="P", type="ollama")
    async with await events.subscribe() as batches:
        row = await db.ai_interactions.create(model="m", request={}, provider_id=provider.id)
        await db.ai_providers.delete(id=provider.id)
        last = await record(db)
        assert [event.message_id for event in await told(batches, 2)] == [row.id, last]


async def test_a_message_that_is_gone_is_told_without_it(
    db: salacia.Database, events: MessageEvents
) -> None:
    async with await events.subscribe() as batches:
        async with db.unit_of_work() as uow:
            gone = await record(uow)
            await uow.execute("delete from ai_interactions")
        (event,) = await told(batches, 1)
    assert (event.message_id, event.message) == (gone, None)
    assert f'data: {{"id":"{gone}"}}\n\n'.encode() in event.frame


async def test_an_event_is_a_frame_in_camel_case(
    db: salacia.Database, events: MessageEvents
) -> None:
    async with await events.subscribe() as batches:
        made = await record(db)
        (event,) = await told(batches, 1)
    lines = event.frame.decode().split("\n")
    assert lines[0] == f"id: {event.id}"
    assert lines[1] == "event: message:created"
    assert lines[2].startswith(f'data: {{"id":"{made}","createdAt":"')
    assert lines[3:] == ["", ""]


async def test_who_comes_back_is_told_what_was_missed(
    db: salacia.Database, events: MessageEvents
) -> None:
    async with await events.subscribe() as batches:
        for _ in range(3):
            await record(db)
        found = await told(batches, 3)
    async with await events.subscribe(found[0].id) as batches:
        last = await record(db)
        again = await told(batches, 3)
    assert [e.id for e in again[:2]] == [e.id for e in found[1:]]
    assert again[2].message_id == last


async def test_another_process_knows_what_this_one_told(
    db: salacia.Database, events: MessageEvents
) -> None:
    async with await events.subscribe() as batches:
        await record(db)
        await record(db)
        found = await told(batches, 2)
    async with MessageEvents(db) as other, await other.subscribe(found[0].id) as batches:
        assert [e.id for e in await told(batches, 1)] == [found[1].id]


async def test_who_was_told_more_by_another_process_is_told_nothing_twice(
    db: salacia.Database, events: MessageEvents
) -> None:
    async with MessageEvents(db, poll=3600) as slow:
        async with slow._reading:  # it hasn't read what the other has
            async with await events.subscribe() as batches:
                await record(db)
                await record(db)
                found = await told(batches, 2)
            late = await slow.subscribe(found[0].id)
        async with late:
            assert [e.id for e in await told(late, 1)] == [found[1].id]


@pytest.mark.parametrize("after", ["", "1", "x-1", "-", "1-99", "9999999999-1", "1-" + "9" * 99])
async def test_what_is_not_known_any_more_is_a_gap(
    db: salacia.Database, events: MessageEvents, after: str
) -> None:
    async with await events.subscribe(after) as batches:
        last = await record(db)
        found = await told(batches, 2)
    assert [(e.name, e.message_id) for e in found] == [("gap", None), ("message:created", last)]


async def test_only_so_many_are_kept_in_memory(db: salacia.Database) -> None:
    async with MessageEvents(db, buffer=5, pause=0.005) as events:
        async with await events.subscribe() as batches:
            for _ in range(8):
                await record(db)
            found = await told(batches, 8)
        async with await events.subscribe(found[2].id) as batches:
            assert [e.id for e in await told(batches, 5)] == [e.id for e in found[3:]]
        async with await events.subscribe(found[1].id) as batches:
            assert [e.name for e in await told(batches, 1)] == ["gap"]


async def test_a_slow_follower_holds_up_nobody_and_is_told_what_it_lost(
    db: salacia.Database,
) -> None:
    async with (
        MessageEvents(db, limit=5, pause=0.005) as events,
        await events.subscribe() as slow,
        await events.subscribe() as quick,
    ):
        seen: list[Event] = []
        for _ in range(12):
            await record(db)
            seen += await told(quick, 1)
        assert len(seen) == 12
        late = await told(slow, 1)
        assert late[0].name == "gap"
        lost = {e.id for e in seen if e.position <= late[0].position}
        rest = late[1:] + (await told(slow, 12 - len(lost)) if len(lost) < 12 else [])
        assert [e.id for e in rest] == [e.id for e in seen if e.id not in lost]


async def test_a_listener_that_is_lost_loses_nothing(db: salacia.Database, url: str) -> None:
    other = await asyncpg.connect(url)
    async with MessageEvents(db) as events, await events.subscribe() as batches:
        made: list[UUID] = []
        for n in range(6):
            if n % 2:
                await other.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where query ilike 'listen%' and datname = current_database()"
                )
            made.append(await record(db))
        assert [e.message_id for e in await told(batches, 6)] == made
    await other.close()


@pytest.mark.parametrize("verdict", ["before", "hole"])
async def test_a_server_that_is_away_is_waited_for(url: str, verdict: Verdict) -> None:
    async with CuttingProxy(url) as proxy, AsyncExitStack() as stack:
        near = await stack.enter_async_context(salacia.connect(url, profile="test"))
        far = await stack.enter_async_context(salacia.connect(proxy.url, profile="test"))
        events = await stack.enter_async_context(MessageEvents(far, poll=0.02))
        batches = await stack.enter_async_context(await events.subscribe())
        made = [await record(near)]
        await told(batches, 1)
        asked = asyncio.Event()

        def away(_: bytes) -> Verdict:
            asked.set()
            return verdict

        proxy.refusing, proxy.rule = True, away
        await asyncio.wait_for(asked.wait(), 20)
        made += [await record(near) for _ in range(3)]
        proxy.heal()
        assert [e.message_id for e in await told(batches, 3)] == made[1:]


async def test_through_a_pooler_it_looks_by_itself(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        salacia.connect(url, profile="test", pooler="transaction") as db,
        MessageEvents(db, poll=0.02) as events,
        await events.subscribe() as batches,
    ):
        made = await record(db)
        assert [event.message_id for event in await told(batches, 1)] == [made]
        events._to = Position(2**40, 1)  # the server counts anew
        assert (await told(batches, 1))[0].name == "gap"
    assert not caplog.records


async def test_a_server_that_is_away_while_it_listens_again_is_waited_for(url: str) -> None:
    async with CuttingProxy(url) as proxy, AsyncExitStack() as stack:
        near = await stack.enter_async_context(salacia.connect(url, profile="test"))
        far = await stack.enter_async_context(salacia.connect(proxy.url, profile="test"))
        events = await stack.enter_async_context(MessageEvents(far, poll=3600))
        batches = await stack.enter_async_context(await events.subscribe())
        made = [await record(near)]
        await told(batches, 1)
        proxy.refusing = True
        await near.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where pid <> pg_backend_pid() and datname = current_database()"
        )
        made += [await record(near) for _ in range(3)]
        proxy.heal()
        assert [e.message_id for e in await told(batches, 3)] == made[1:]


FORMATS: list[tuple[Any, Any]] = [
    ({"messages": [{"content": "hi"}]}, {"choices": [{"message": {"content": "ho"}}]}),
    ({"messages": [{"content": [{"text": "hi"}]}]}, {"content": [{"text": "ho"}]}),
    ({"input": "hi"}, {"output": [{"content": [{"text": "ho"}]}]}),
    ({"input": [{"content": "hi"}]}, {"response": "ho"}),
    ({"contents": [{"parts": [{"text": "hi"}]}]}, {"candidates": [{"content": {"parts": [{}]}}]}),
    ({"prompt": ["hi"]}, {"choices": [{"text": "ho"}]}),
    ({"prompt": "hi" * 300}, {"message": {"content": "ho"}}),
    ([], None),
]


async def test_the_message_of_an_event_is_that_of_the_list(
    db: salacia.Database, events: MessageEvents
) -> None:
    provider = await db.ai_providers.create(name="P", type="ollama")
    async with await events.subscribe() as batches:
        for request, response in FORMATS:
            await db.ai_interactions.create(
                model="m", provider_id=provider.id, request=request, response=response
            )
        found = await told(batches, len(FORMATS))
    listed = await db.messages.search(limit=len(FORMATS), sort="oldest")
    assert [event.message for event in found] == listed.items


async def test_an_event_is_encoded_once_for_all(
    db: salacia.Database, events: MessageEvents
) -> None:
    async with await events.subscribe() as some, await events.subscribe() as others:
        await record(db)
        first, second = await anext(some), await anext(others)
    assert first.frame is second.frame


async def test_without_a_notification_it_looks_by_itself(db: salacia.Database) -> None:
    async with MessageEvents(db, poll=0.05) as events, await events.subscribe() as batches:
        await db.execute("select setval('message_events_woken', 9000000000000)")
        # As if the notification had got lost.
        await db.execute(
            "insert into message_events (kind, message_id) values ('created', uuidv7())"
        )
        assert len(await told(batches, 1)) == 1


async def test_one_notification_serves_all_commits_of_a_moment(
    db: salacia.Database, url: str
) -> None:
    heard: list[Any] = []
    other = await asyncpg.connect(url)
    await other.add_listener("salacia_message_events", lambda *said: heard.append(said))
    clock = "select extract(epoch from clock_timestamp())::float8 * 1000"
    start = await db.fetchval(clock)
    for _ in range(100):
        await record(db)
    took = await db.fetchval(clock) - start
    await other.execute("select 1")
    assert 1 <= len(heard) <= took / 50 + 1
    await other.close()


async def test_old_events_are_taken_away(db: salacia.Database) -> None:
    for _ in range(5):
        await record(db)
    await db.execute("update message_events set created_at = now() - interval '1 hour'")
    last = await record(db)
    await db.execute(
        "update message_events set created_at = now() + interval '1 hour' where message_id = $1",
        last,
    )
    async with MessageEvents(db, keep=timedelta(seconds=0.3), poll=0.05):
        kept: list[Any] = []
        async with asyncio.timeout(20):
            while len(kept) != 1:
                kept = await db.fetch("select message_id from message_events")
    assert [row[0] for row in kept] == [last]


async def test_a_server_that_counts_anew_is_noticed(db: salacia.Database) -> None:
    async with MessageEvents(db) as events, await events.subscribe() as batches:
        await record(db)
        await told(batches, 1)
        # As on a copy that was promoted without the last commits: numbers are given again.
        events._to = Position(2**40, 1)
        await db.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where query ilike 'listen%' and datname = current_database()"
        )
        assert (await told(batches, 1))[0].name == "gap"
        last = await record(db)
        assert (await told(batches, 1))[0].message_id == last


async def test_followers_end_with_the_events(db: salacia.Database) -> None:
    async with MessageEvents(db) as events:
        batches = await events.subscribe()
    assert [batch async for batch in batches] == []
    with pytest.raises(UsageError, match="not open"):
        await events.subscribe()


def event(xid: int, id: int) -> Event:
    return Event(Position(xid, id), "message:created", uuid7(), None, b"%d-%d\n" % (xid, id))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(st.integers(1, 4), max_size=20),
    st.lists(st.booleans(), max_size=40),
    st.integers(1, 8),
    st.integers(0, 40),
)
def test_a_queue_loses_nothing_silently_and_tells_nothing_twice(
    sizes: list[int], reads: list[bool], limit: int, told_up_to: int
) -> None:
    """Whatever comes, whenever it is read: in order, and what is missing has a gap."""

    async def run() -> list[Event]:
        follower = Subscription(lambda _: None, limit)
        follower.start(Position(1, told_up_to), ())
        seen: list[Event] = []
        number = 0
        turns = iter(reads)
        for size in sizes:
            follower.put(Batch.of([event(1, number + n + 1) for n in range(size)]))
            number += size
            if next(turns, False) and follower._queue:
                seen += await anext(follower)
        follower.close()
        async for batch in follower:
            seen += batch
        return seen

    seen = asyncio.run(run())
    places = [each.position.id for each in seen]
    assert places == sorted(set(places))
    expected = told_up_to + 1
    for each in seen:
        if each.name == "gap":
            assert each.position.id >= expected
        else:
            assert each.position.id == expected
        expected = each.position.id + 1
    assert expected == max(sum(sizes), told_up_to) + 1


def test_a_position_is_read_as_it_was_written() -> None:
    for position in (Position(1, 2), Position.before(7), Position(2**64 - 1, 2**63 - 1)):
        assert Position.read(str(position)) == position
    assert gap(Position(1, 2)).frame == b"id: 1-2\nevent: gap\ndata: {}\n\n"
