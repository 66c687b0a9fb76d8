"""A default is a literal of the parameter's type; a new id is made for each call."""

from emitting import (
    BIGINT,
    BOOL,
    FLOAT,
    JSONB,
    NUMERIC,
    TEXT,
    UUID,
    Maybe,
    enum,
    parameter,
    query,
    schema,
)

state = enum("state", "open", "paid-in-full")
given = [
    parameter("id", UUID, default="uuid7()"),
    parameter("limit", BIGINT, default="20"),
    parameter("note", TEXT, default="'say \"hi\"'"),
    parameter("maybe", Maybe(TEXT), default="None"),
    parameter("ratio", FLOAT, default="1"),
    parameter("amount", NUMERIC, default="1.50"),
    parameter("flag", BOOL, default="True"),
    parameter("state", state, default="'paid-in-full'"),
    parameter("body", JSONB, default="'x'"),
]
queries = [
    query("things.put", "exec", "insert …", parameters=given),
    query("things.put_many", "bulk", "insert …", parameters=given),
]
facts = schema(state)
