"""A field, method, parameter or table may have the name of a type that the module uses."""

from emitting import DATE, INT, TEXT, TIME, UUID, Maybe, array, parameter, query, schema, table

events = table(
    "events",
    {"date": DATE, "end": Maybe(DATE), "str": TEXT, "int": INT, "list": array(TEXT)},
)
groups = table("groups", {"id": INT, "datetime": TIME})
statements = table("statements", {"id": UUID})
structs = table("structs", {"any": INT, "id": INT})
databases = table("databases", {"id": INT, "name": TEXT})
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
    query("groups.all", "many", "select * from groups", whole=groups),
    query("groups.uuid", "one", "select id from statements", columns={"id": UUID}),
    query("groups.structs", "stream", "select * from structs", whole=structs),
    query("databases.all", "many", "select * from databases", whole=databases),
]
facts = schema(events, groups, statements, structs, databases)
