"""A field, method, parameter or table may have the name of a type that the module uses."""

from emitting import (
    DATE,
    INT,
    TEXT,
    TIME,
    UUID,
    Maybe,
    array,
    columns_of,
    nested,
    parameter,
    query,
    schema,
    table,
)

events = table(
    "events",
    {"date": DATE, "end": Maybe(DATE), "str": TEXT, "int": INT, "list": array(TEXT)},
)
groups = table("groups", {"id": INT, "datetime": TIME})
statements = table("statements", {"id": UUID})
structs = table("structs", {"any": INT, "id": INT})
databases = table("databases", {"id": INT, "name": TEXT})
long = [table(f"{'x' * 40}{n}", {"id": INT, "n": INT}) for n in (1, 2, 10)]
queries = [
    query("events.list", "many", "select * from events", whole=events),
    query("events.int", "one", "select 1", columns={"int": INT}, cardinality="one"),
    query(
        "events.between",
        "many",
        "select * from events where date = $1 and $2 = any(list)",
        parameters=[parameter("date", DATE), parameter("list", TEXT), parameter("starmap", INT)],
        whole=events,
    ),
    query(
        "events.stream",
        "stream",
        "select …",
        parameters=[parameter("build", INT), parameter("row", INT), parameter("rows", INT)],
        columns=[*columns_of(events), *columns_of(structs), *columns_of(events, nullable=True)],
        fields=[
            nested("event", events, 0),
            nested("struct", structs, 5),
            nested("previous_event", events, 7, 7),
        ],
    ),
    query("groups.all", "many", "select * from groups", whole=groups),
    query("groups.uuid", "one", "select id from statements", columns={"id": UUID}),
    query("groups.structs", "stream", "select * from structs", whole=structs),
    query("databases.all", "many", "select * from databases", whole=databases),
    # Groups with the names of the decorators that stand on all groups after them.
    query("lazy.all", "many", "select * from databases", whole=databases),
    query("property.all", "many", "select * from databases", whole=databases),
    query("zebras.all", "many", "select * from databases", whole=databases),
]
queries += [
    query(f"long.all{number}", "many", "select …", whole=whole) for number, whole in enumerate(long)
]
facts = schema(events, groups, statements, structs, databases, *long)
