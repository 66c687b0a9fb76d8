"""Types cross the driver's border as asyncpg carries them; settings change what Python sees."""

from emitting import (
    BIGINT,
    BOOL,
    DATE,
    FLOAT,
    JSONB,
    NUMERIC,
    TEXT,
    TIME,
    UUID,
    Maybe,
    array,
    composite,
    domain,
    enum,
    parameter,
    pg,
    query,
    range_,
    schema,
    table,
)

mood = enum("mood", "sad", "ok", "happy")
point = composite("geo_point", lat=FLOAT, lon=FLOAT)
address = composite("address", street=TEXT, mood=mood, tags=array(TEXT), at=point)
email = domain("email", TEXT)
tag = domain("tag", TEXT, not_null=True)
everything = table(
    "everything",
    {
        "flag": BOOL,
        "small": pg("int2", "smallint"),
        "big": Maybe(BIGINT),
        "ratio": FLOAT,
        "amount": NUMERIC,
        "code": pg("bpchar", "character"),
        "key": UUID,
        "day": DATE,
        "at": TIME,
        "clock": pg("timetz", "time with time zone"),
        "span": pg("interval"),
        "data": pg("bytea"),
        "body": Maybe(JSONB),
        "address": pg("inet"),
        "network": Maybe(pg("cidr")),
        "bits": pg("varbit", "bit varying"),
        "during": range_("tstzrange", TIME),
        "words": array(TEXT),
        "tags": array(tag),
        "mood": Maybe(mood),
        "moods": Maybe(array(mood)),
        "home": Maybe(address),
        "homes": array(address),
        "position": point,
        "mail": email,
        "document": pg("tsvector"),
        "place": Maybe(pg("point")),
        "snapshot": pg("pg_snapshot"),
        "first": pg("char", '"char"'),
    },
)
mapped = table(
    "mapped",
    {
        "token": Maybe(TEXT),
        "owner_token": TEXT,
        "payload": JSONB,
        "raw": Maybe(JSONB),
        "lines": JSONB,
        "loose": JSONB,
        "vector": pg("ltree2", schema="public"),
    },
)
queries = [
    query("things.first", "one", "select * from everything limit 1", whole=everything),
    query(
        "things.put",
        "exec",
        "select 1",
        parameters=[
            parameter("ids", array(UUID)),
            parameter("mood", Maybe(mood)),
            parameter("moods", array(mood)),
            parameter("home", Maybe(address)),
            parameter("homes", array(address)),
            parameter("position", point),
            parameter("during", range_("tstzrange", TIME)),
            parameter("body", Maybe(JSONB)),
        ],
    ),
    query("things.homes", "many", "select home", columns={"home": Maybe(address)}),
    query(
        "mapped.save",
        "one!",
        "update mapped set token = $1, payload = $3 where owner_token = $2 returning *",
        parameters=[
            parameter("token", Maybe(TEXT), origin=(mapped, "token")),
            parameter("owner_token", TEXT, origin=(mapped, "owner_token")),
            parameter("payload", JSONB, origin=(mapped, "payload")),
        ],
        whole=mapped,
    ),
    query("mapped.token", "one", "select token", columns={"token": Maybe(TEXT)}),
    query("mapped.wait", "one!", "select pg_sleep(1)", columns={"pg_sleep": pg("void")}),
]
facts = schema(mood, point, address, everything, mapped)
settings = {
    "types": {
        "public.mapped.*token": "secret",
        "*.mapped.payload": "dict[str, Any]",
        "public.mapped.raw": "msgspec.Raw",
        "public.mapped.lines": "list[fractions.Fraction | None]",
        "public.mapped.loose": "object",
        "ltree2": "str",
    }
}
