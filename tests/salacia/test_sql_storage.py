"""How interactions are stored and searched, and what docs/schema.md says can be changed later."""

import json
import re
import uuid
from pathlib import Path

import psycopg
import pytest
from by_hand import INTERACTION, insert, provider, value
from psycopg import errors
from psycopg.types.json import Jsonb

SCHEMA_PAGE = Path(__file__).parents[2] / "docs" / "schema.md"


def test_requests_and_answers_are_stored_beside_the_table(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(
            """
            insert into ai_interactions (model, request, response, total_tokens)
            select 'gpt-4', text, text, n
            from generate_series(1, 300) n,
                 lateral (
                   select jsonb_build_object('prompt', string_agg(md5(n || '-' || k), ' ')) as text
                   from generate_series(1, 30) k
                 ) words
            """
        )
        size = value(session, "select pg_relation_size('ai_interactions') / 300")
        assert isinstance(size, int)
        assert size < 250, "bytes a row: the JSON of 2 KB is elsewhere"


WORDS = [
    ({"prompt": "Hello there"}, {"completion": "Hi you"}, "hello hi there you"),
    (
        {"messages": [{"role": "user", "content": "Why?"}], "model": "gpt-4", "stop": "END"},
        {"choices": [{"message": {"role": "assistant", "content": "Because."}}]},
        "because why",
    ),
    (
        {
            "system": "Be terse",
            "messages": [
                {"content": [{"type": "text", "text": "Seen?"}, {"source": {"data": "aGk="}}]}
            ],
        },
        {"content": [{"type": "text", "text": "Yes"}], "usage": {"input_tokens": 3}},
        "be seen terse yes",
    ),
    ({"messages": [{"content": "one"}]}, {"message": {"content": "two"}, "done": True}, "one two"),
    ({"input": ["a1", "b2"]}, {"response": "c3"}, "a1 b2 c3"),
    ({}, None, ""),
    ([], "text", ""),
]


@pytest.mark.parametrize(("request_", "response", "words"), WORDS)
def test_the_words_of_every_provider_s_format_are_found(
    session: psycopg.Connection, request_: object, response: object, words: str
) -> None:
    found = value(
        session,
        "select array_to_string(tsvector_to_array(message_words(%s, %s)), ' ')",
        Jsonb(request_),
        None if response is None else Jsonb(response),
    )
    assert found == words


def test_an_exchange_too_long_to_be_searched_is_recorded_all_the_same(
    session: psycopg.Connection,
) -> None:
    long = {"prompt": " ".join(f"w{n:x}ö" for n in range(400_000))}
    with pytest.raises(errors.ProgramLimitExceeded), session.transaction():
        session.execute("select to_tsvector('simple', %s::text)", [long["prompt"]])
    session.execute(
        "insert into ai_interactions (model, request, response) values ('m', %s, %s)",
        [Jsonb(long), Jsonb({"completion": "ending"} | long)],
    )
    found = (
        "select count(*) from ai_interactions where message_words(request, response) @@ %s::tsquery"
    )
    assert value(session, found, "w7ö") == 1
    assert value(session, found, "ending") == 1


def test_the_index_of_words_is_built_analysed_and_vacuumed_over_rows(url: str) -> None:
    # Since PostgreSQL 17 these run under a search_path that finds no function of ours.
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(
            "insert into ai_interactions (model, request) values ('m', %s)",
            [Jsonb({"prompt": "needle"})],
        )
        session.execute("reindex index ai_interactions_words_idx")
        session.execute("analyze ai_interactions")
        session.execute("vacuum ai_interactions")


def test_json_documents_survive_as_they_are(session: psycopg.Connection) -> None:
    document = {"z": [1, 2.5, None, True], "a": {"ü": "\u2028", "": "\\"}}
    session.execute(
        "insert into ai_interactions (model, request) values ('m', %s)", [Jsonb(document)]
    )
    text = value(session, "select request::text from ai_interactions")
    assert isinstance(text, str)
    assert json.loads(text) == document


# --- what could be decided otherwise later -------------------------------------------------------


def recipes() -> list[str]:
    text = SCHEMA_PAGE.read_text("utf-8")
    return re.findall(r"```sql\n(.*?)```", text, re.DOTALL)


def test_the_table_becomes_a_partition_without_moving_a_row(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        kept = provider(session, "kept")
        for n in range(50):
            insert(session, "ai_interactions", INTERACTION | {"total_tokens": n})
        file = value(session, "select pg_relation_filenode('ai_interactions')")
        indexes = session.execute(
            "select indexrelid, pg_relation_filenode(indexrelid) from pg_index"
            " where indrelid = 'ai_interactions'::regclass order by 1"
        ).fetchall()
        session.execute(recipes()[0].encode())

        assert value(session, "select pg_relation_filenode('ai_interactions_first')") == file
        assert (
            indexes
            == session.execute(
                "select indexrelid, pg_relation_filenode(indexrelid) from pg_index"
                " where indrelid = 'ai_interactions_first'::regclass order by 1"
            ).fetchall()
        ), "no index was built again either"
        late = INTERACTION | {"id": uuid.UUID("02c03384-8800-7000-8000-000000000000")}
        insert(session, "ai_interactions", late | {"provider_id": kept})
        insert(session, "ai_interactions", INTERACTION)
        counts = session.execute(
            "select tableoid::regclass::text, count(*) from ai_interactions group by 1 order by 1"
        ).fetchall()
        assert counts == [("ai_interactions_2031", 1), ("ai_interactions_first", 51)]
        figures = "select sum(total) from interaction_figures('-infinity', 'infinity')"
        assert value(session, figures) == 52, "triggers work on all partitions, once each"
        session.execute("delete from ai_providers")
        assert value(session, "select count(provider_id) from ai_interactions") == 0
        with pytest.raises(errors.CheckViolation):
            insert(session, "ai_interactions", late | {"id": uuid.uuid4(), "total_tokens": -1})


def test_search_answers_without_its_index(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        insert(session, "ai_interactions", INTERACTION | {"request": Jsonb({"prompt": "Needle"})})
        session.execute(recipes()[1].encode())
        found = (
            "select count(*) from ai_interactions"
            " where message_words(request, response) @@ 'needle'"
        )
        assert value(session, found) == 1
