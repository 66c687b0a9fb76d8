"""Functions called total: each is called with random arguments and must not return NULL."""

import contextlib
from collections.abc import Iterator
from random import Random

import psycopg
import pytest
from asking import Asker

from salacia_db.codegen.analysis import functions
from salacia_db.codegen.analysis.catalog import Function
from salacia_db.codegen.analysis.functions import SETS, Totality, totality

NEWEST = 180000  # the list holds functions of it
# How a server says that it has no such extension; the second is how 14 says it.
LACKING = (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile)
# Several values for each type that functions take; the odd ones are what finds a NULL.
VALUES = {
    "bool": ["true", "false"],
    "bytea": ["''", r"'\x00ff10'", "'abc'"],
    '"char"': ["'a'", "''"],
    "name": ["'x'", "''"],
    "int8": ["0", "-1", "7", "9223372036854775807"],
    "int2": ["0", "-1", "3"],
    "int4": ["0", "1", "-1", "2", "2147483647"],
    "text": ["''", "'a'", "'a b'", "'%'", "'day'", "'simple'", "'UTC'", "'1'", "'[a'", "'x=>1'"],
    "oid": ["0", "1", "16"],
    "oidvector": ["'1 2'", "''"],
    "tid": ["'(0,1)'"],
    "jsonb": [
        "'null'",
        "'{}'",
        "'[]'",
        "'1'",
        "'\"a\"'",
        "'{\"a\": null}'",
        "'[1, null]'",
        "'true'",
    ],
    "json": ["'null'", "'{}'", "'[]'", "'1'", "'{\"a\": null}'"],
    "jsonpath": ["'$'", "'$.a'", "'$.a == 1'", "'strict $.b'"],
    "xml": ["'<a/>'", "''"],
    "float4": ["0", "-1.5", "'NaN'", "'infinity'"],
    "float8": ["0", "-1.5", "0.5", "'NaN'", "'infinity'", "'-infinity'"],
    "numeric": ["0", "-1.50", "12345678901234567890", "'NaN'", "'infinity'", "'-infinity'"],
    "money": ["0", "-1.5", "12"],
    "macaddr": ["'08:00:2b:01:02:03'"],
    "macaddr8": ["'08:00:2b:01:02:03:04:05'"],
    "inet": ["'10.0.0.1/8'", "'::1'", "'0.0.0.0/0'"],
    "cidr": ["'10.0.0.0/8'", "'::/0'"],
    "bpchar": ["''", "'a '"],
    "varchar": ["''", "'a'"],
    "date": ["'2024-02-29'", "'infinity'", "'-infinity'", "'4713-01-01 BC'"],
    "time": ["'00:00'", "'24:00'"],
    "timetz": ["'00:00Z'", "'12:00+05'"],
    "timestamp": ["'2024-02-29 12:00'", "'infinity'", "'-infinity'"],
    "timestamptz": ["'2024-02-29 12:00Z'", "'infinity'", "'-infinity'"],
    "interval": ["'0'", "'1 mon -3 days'", "'infinity'", "'-infinity'"],
    "bit": ["b'1'", "b'0101'", "b''"],
    "varbit": ["b'1'", "b''"],
    "uuid": ["'00000000-0000-0000-0000-000000000000'"],
    "pg_lsn": ["'0/0'", "'0/FF'"],
    "tsvector": ["''", "'a:1 b:2A'"],
    "tsquery": ["''", "'a & !b'"],
    "regconfig": ["'simple'", "'english'"],
    "regclass": ["'pg_class'"],
    "regtype": ["'int4'"],
    "pg_snapshot": ["'1:1:'"],
    "txid_snapshot": ["'1:1:'"],
    "xid": ["'3'"],
    "xid8": ["'3'"],
    "int4range": ["'empty'", "'[1,3)'", "'(,)'"],
    "int8range": ["'empty'", "'[1,3)'"],
    "numrange": ["'empty'", "'(,1]'"],
    "daterange": ["'empty'", "'(,2024-01-01]'"],
    "tsrange": ["'empty'", "'(,2024-01-01]'"],
    "tstzrange": ["'empty'", "'(,2024-01-01]'"],
    "int4multirange": ["'{}'", "'{[1,3)}'"],
    "nummultirange": ["'{}'"],
    "text[]": ["'{}'", "'{a,NULL}'", "'{a,b}'"],
    "int4[]": ["'{}'", "'{1,NULL}'", "'{3}'", "'{{1,2},{3,4}}'"],
    "record": ["row(1)", "row(null::int4)"],
    "totality_mood": ["'fine'"],
    "citext": ["'A'", "''"],
    "hstore": ["''", "'a=>1,b=>null'"],
    "ltree": ["'a.b'", "''"],
    "lquery": ["'a.*'"],
    "ltxtquery": ["'a & b'"],
    "query_int": ["'1&2'"],
    "vector": ["'[0,0]'", "'[1,2]'"],
    "halfvec": ["'[0,0]'", "'[1,2]'"],
    "sparsevec": ["'{}/2'", "'{1:1.5}/2'"],
    "regdictionary": ["'unaccent'"],
}
CIPHERED = {"text": ["'aes-cbc/pad:none'"], "bytea": ["'0123456789abcdef'", "''"]}
# The key is a word that may be an option as well.
SEALED = {
    "text": ["'compress-algo=1'"],
    "bytea": [f"pgp_sym_encrypt('{text}', 'compress-algo=1')" for text in ("", "a")],
}
# Functions that only take a few words or numbers.
WORDS = {
    "convert": {"name": ["'UTF8'"], "bytea": ["'abc'", "''"]},
    "convert_from": {"name": ["'UTF8'"], "bytea": ["'abc'", "''"]},
    "convert_to": {"name": ["'UTF8'"]},
    "current_setting": {"text": ["'work_mem'", "'search_path'"]},
    "date_trunc": {"text": ["'day'", "'UTC'"]},
    "decode": {"text": ["'hex'", "''", "'base64'"]},
    "encode": {"text": ["'hex'", "'base64'"]},
    "is_normalized": {"text": ["'NFC'"]},
    "jsonb_build_object": {"any": ["'a'::text"]},
    "jsonb_delete": {"jsonb": ["'{}'", "'{\"a\": null}'", "'[]'"]},
    "jsonb_path_query_array": {"jsonb": ["'{}'", "'{\"a\": null}'"]},
    "json_build_object": {"any": ["'a'::text"]},
    "length": {"name": ["'UTF8'"], "bytea": ["'abc'", "''"]},
    "macaddr": {"macaddr8": ["'08:00:2b:ff:fe:01:02:03'"]},
    "make_timestamp": {"int4": ["1", "2"], "float8": ["0", "1.5"]},
    "make_timestamptz": {"int4": ["1", "2"], "float8": ["0", "1.5"], "text": ["'UTC'"]},
    "normalize": {"text": ["'NFC'"]},
    "regclass": {"text": ["'pg_class'"]},
    "array_sample": {"int4": ["0", "1"]},
    "pg_input_is_valid": {"text": ["'int4'", "'text'"]},
    "ts_rewrite": {"text": ["$$select 'a'::tsquery, 'b'::tsquery$$"]},
    "array_fill": {"int4[]": ["'{2}'", "'{}'"]},
    "jsonb_to_tsvector": {"jsonb": ["'[\"all\"]'"]},
    "json_to_tsvector": {"jsonb": ["'[\"all\"]'"]},
    "regexp_count": {"int4": ["1"], "text": ["'i'", "'a'"]},
    "ts_headline": {"text": ["'StartSel=a'"]},
    "regexp_instr": {"int4": ["1"], "text": ["'i'", "'a'"]},
    "regexp_split_to_array": {"text": ["'i'", "'a'", "''"]},
    "subltree": {"int4": ["0", "1"]},
    "regexp_replace": {"text": ["'i'", "'a'", "'g'"]},
    "to_ascii": {"text": ["'a'", "''"], "name": ["'LATIN1'"], "int4": ["8"]},
    "ts_filter": {"char[]": ["'{a,b}'"]},
    "ts_rank": {"float4[]": ["'{0.1,0.2,0.4,1}'"]},
    "ts_rank_cd": {"float4[]": ["'{0.1,0.2,0.4,1}'"]},
    "digest": {"text": ["'md5'", "'sha256'"]},
    "hmac": {"text": ["'md5'", "'sha256'"]},
    "gen_salt": {"text": ["'bf'"], "int4": ["6", "7"]},
    "encrypt": CIPHERED,
    "encrypt_iv": CIPHERED,
    "decrypt": CIPHERED,
    "decrypt_iv": CIPHERED,
    "pgp_sym_decrypt": SEALED,
    "pgp_sym_decrypt_bytea": SEALED,
    "pgp_key_id": SEALED,
    "dearmor": {"text": ["armor(''::bytea)", "armor('abc'::bytea)"]},
    "width_bucket": {"int4": ["1", "2"], "numeric": ["0", "1.5", "7"], "float8": ["0", "1.5", "7"]},
}
# XML needs a server that was built with it, to_ascii() a database in LATIN1, pgp_pub_… a pair of
# keys, the others VARIADIC.
UNTRIED = (
    *("xml", "xpath", "text['xml']", "to_ascii['text']", "pgp_pub_"),
    *("json_build_object['any']", "jsonb_build_object['any']", "jsonb_delete['jsonb', 'text[]']"),
    *(
        f"{kind}multirange['{kind}range[]']"
        for kind in ("int4", "int8", "num", "ts", "tstz", "date")
    ),
)
# Calls of functions that return sets, each with a row at least.
_ODD = ("'[1, null, []]'", "'[null]'")
_ENTRIES = ("""'{"a": null, "": 1}'""",)
SET_CALLS = {
    "generate_series": ("1, 3", "now(), now(), '1 day'", "1.5, 2"),
    "generate_subscripts": ("'{1,null}'::int4[], 1",),
    "json_array_elements": _ODD,
    "jsonb_array_elements": _ODD,
    "json_each": _ENTRIES,
    "jsonb_each": _ENTRIES,
    "json_each_text": _ENTRIES,
    "jsonb_each_text": _ENTRIES,
    "json_object_keys": _ENTRIES,
    "jsonb_object_keys": _ENTRIES,
    "jsonb_path_query": ("""'{"a": [null, 1]}', '$.a[*]'""", "'null', '$'"),
    "jsonb_path_query_tz": ("""'{"a": [null, 1]}', '$.a[*]'""", "'null', '$'"),
    "pg_listening_channels": ("",),
    "regexp_matches": ("'ab', '(x)?b'", "'', ''"),
    "regexp_split_to_table": ("'', 'a'", "'aa', 'a'"),
    "ts_parse": ("'default', 'a b'",),
    "ts_stat": ("$$select 'a:1 b'::tsvector union all select null$$",),
}
BOUNDS = ["'[]'", "'()'", "'[)'"]
# What stands for a polymorphic type: choices that fit together, by the number of the round.
ARRAYS = [("int4", "int4[]"), ("text", "text[]")]
RANGES = [("int4", "int4range", "int4multirange"), ("numeric", "numrange", "nummultirange")]
DAMAGING = ("pg_advisory", "setval", "set_config", "currval", "lastval", "nextval")
DAMAGING += ("pg_cancel_backend", "pg_terminate_backend", "pg_reload_conf")


@pytest.fixture(scope="module")
def connection(ask) -> Iterator[psycopg.Connection]:
    with psycopg.connect(ask.url, autocommit=True) as made:
        made.execute("create type totality_mood as enum ('fine', 'sad'); set timezone = 'UTC'")
        made.execute("create sequence totality_numbers; set statement_timeout = '1s'")
        yield made


def promised(ask) -> list[Function]:
    """The built-in functions that are called total by their arguments' types alone."""
    return [f for f in ask.catalog.functions.values() if totality(f) is not Totality.PARTIAL]


def chosen(type_: str, pick: int, rng: Random) -> str | None:
    """A value of the type, as SQL."""
    array, range_ = ARRAYS[pick % 2], RANGES[pick % 2]
    enum = "totality_mood"
    polymorphic = {
        "any": rng.choice(["int4", "text", "jsonb", "timestamptz"]),
        "anyelement": range_[0] if pick % 4 > 1 else array[0],
        "anyarray": array[1],
        "anynonarray": array[0],
        "anyenum": enum,
        "anyrange": range_[1],
        "anymultirange": range_[2],
        "anycompatible": range_[0] if pick % 4 > 1 else array[0],
        "anycompatiblearray": array[1],
        "anycompatiblenonarray": array[0],
        "anycompatiblerange": range_[1],
        "anycompatiblemultirange": range_[2],
    }
    type_ = polymorphic.get(type_, type_)
    values = VALUES.get(type_)
    if values is None and type_.endswith("[]") and VALUES.get(type_[:-2]):
        values = ["'{}'", f"array[{VALUES[type_[:-2]][0]}::{type_[:-2]}]"]
    if type_ == "record":
        return rng.choice(VALUES["record"])
    return None if values is None else f"{rng.choice(values)}::{type_}"


def calls(function: Function, types: list[str], rng: Random) -> list[str]:
    """Calls of the function with random arguments, as SQL; none where a type is unknown."""
    made = []
    words = WORDS.get(function.name, {})
    if function.name.endswith("range"):
        words = {"text": BOUNDS}
    for pick in range(60 if types else 1):
        arguments = [
            f"{rng.choice(words[type_])}::{_quoted(type_)}"
            if type_ in words
            else chosen(type_, pick, rng)
            for type_ in types
        ]
        if None in arguments:
            return []
        made.append(f'"{function.schema}"."{function.name}"({", ".join(map(str, arguments))})')
    return made


def tried(functions: list[Function], connection: psycopg.Connection) -> tuple[list, list]:
    """Calls that answered NULL, and the functions that no call got an answer from."""
    names = dict(
        connection.execute(
            "select oid::int8, array(select format_type(t, null) from unnest(proargtypes) t)"
            " from pg_proc"
        ).fetchall()
    )
    short = dict(
        connection.execute("select format_type(oid, null), typname::text from pg_type").fetchall()
    )
    broken, unanswered = [], []
    for function in functions:
        types = [t if t.endswith("[]") else short.get(t, t) for t in names[function.oid]]
        types = ['"char"' if t == "char" else t for t in types]
        types = [_element(t, short) for t in types]
        known = False
        # By the signature, since the oid of an extension's function differs between databases.
        for call in calls(function, types, Random(f"{function.name}{types}")):
            try:
                (null,) = connection.execute(
                    f"select ({call}) is not distinct from null"
                ).fetchone()
            except psycopg.Error:
                continue
            known = True
            if null:
                broken.append(call)
        unanswered += [] if known else [f"{function.name}{types}"]
    return broken, unanswered


def test_no_function_called_total_returns_null_for_arguments_that_are_not(ask, connection):
    functions = [f for f in promised(ask) if f.builtin and not f.name.startswith(DAMAGING)]
    broken, unanswered = tried(functions, connection)
    assert not broken, "\n".join(broken)
    assert [call for call in unanswered if not call.startswith(UNTRIED)] == []


def test_no_function_of_an_extension_called_total_returns_null_either(asker):
    wanted = ("citext", "hstore", "pg_trgm", "unaccent", "ltree", "pgcrypto", "uuid-ossp")
    wanted += ("fuzzystrmatch", "intarray", "vector")
    one = asker("create schema other")
    with psycopg.connect(one.url, autocommit=True) as connection:
        for name in wanted:
            with contextlib.suppress(*LACKING):
                connection.execute(f'create extension "{name}"')
        again = Asker(one.url)
        functions = [f for f in promised(again) if not f.builtin]
        again.server.close()
        broken, unanswered = tried(functions, connection)
    assert not broken, "\n".join(broken)
    assert [call for call in unanswered if not call.startswith(UNTRIED)] == []
    assert len(functions) > 100


@pytest.mark.parametrize("name", SETS)
def test_no_set_has_a_null_where_none_is_promised(ask, connection, name):
    promises = SETS[name]
    listed = ", ".join(f"c{i}" for i in range(len(promises)))
    tests = [f"c{i} is null" for i, promised in enumerate(promises) if promised]
    for function in ask.catalog.functions.values():
        if not function.builtin or function.name != name:
            continue
        for call in SET_CALLS[name]:
            found = connection.execute(
                f"select count(*), count(*) filter (where {' or '.join(tests)})"
                f" from {name}({call}) as q({listed})"
            ).fetchone()
            assert found[1] == 0, call
            assert found[0] or name == "pg_listening_channels", call


def _quoted(type_: str) -> str:
    return {"char[]": '"char"[]', "any": "text"}.get(type_, type_)


def _element(type_: str, short: dict[str, str]) -> str:
    return short.get(type_[:-2], type_[:-2]) + "[]" if type_.endswith("[]") else type_


@pytest.mark.parametrize(
    "call",
    [
        "'{}'::jsonb -> 'a'",
        "'{}'::jsonb ->> 'a'",
        "array_length('{}'::int[], 1)",
        "substring('b' from 'a')",
        "to_char('infinity'::timestamp, 'YYYY')",
        "to_number('', '')",
        "extract(hour from 'infinity'::timestamp)",
        "'infinity'::timestamp::time",
        "lower('(,1)'::int4range)",
        "scale('NaN'::numeric)",
        "array_position('{}'::int[], 1)",
        "regexp_match('b', 'a')",
        "jsonb_path_query_first('{}', '$.a')",
        "to_regclass('none')",
        "current_setting('no.such', true)",
        "'{}'::jsonb @? 'strict $.a'",
    ],
)
def test_functions_that_answer_null_are_not_called_total(ask, connection, call):
    assert connection.execute(f"select ({call}) is null").fetchone() == (True,)
    assert ask(f"select {call} as x").columns[0].nullable


def test_every_name_on_the_list_is_a_function_here(ask):
    known = {f.name for f in ask.catalog.functions.values() if f.builtin}
    computed = {*functions._comparisons(), *functions._arithmetic()}
    listed = functions._KINDS.keys() | SETS.keys() | functions.TOTAL_AGGREGATES
    listed |= functions.COLLECTING_AGGREGATES | functions.ALWAYS_AGGREGATES
    listed |= functions.ORDERED_AGGREGATES | functions.RANKING_FUNCTIONS | functions.WINDOW_VALUES
    if ask.server.version < NEWEST:
        pytest.skip("the list holds functions of newer servers")
    assert sorted(listed - computed - known) == []


def test_fields_of_a_time_that_infinity_has_too_are_not_null(ask):
    sql = "select extract({} from created_at) as x from interactions"
    assert not ask(sql.format("epoch")).columns[0].nullable
    assert not ask(sql.format("year")).columns[0].nullable
    assert ask(sql.format("day")).columns[0].nullable


def test_a_persons_function_of_a_listed_name_promises_nothing(asker):
    own = asker("create function abs(text) returns text language sql as 'select null'")
    assert own("select abs('x'::text) as x").columns[0].nullable
