"""Every kind of row under every kind of query: bare, whole, nested, mixed, shared, too long."""

from emitting import BIGINT, INT, TEXT, Maybe, columns_of, nested, parameter, query, schema, table
from salacia_db.codegen.facts import ValueField

authors = table("authors", {"id": INT, "name": TEXT})
books = table(
    "books_with_a_rather_long_name_for_a_table",
    {"id": INT, "author_id": Maybe(INT), "title_of_the_book_in_its_language": TEXT},
)
pair = [*columns_of(books), *columns_of(authors, nullable=True)]
mixed = {
    "columns": [*pair, *columns_of(authors)[:1]],
    "fields": [
        nested("book", books, 0),
        nested("author", authors, 3, 3),
        ValueField("total", 5),
    ],
}
whole_author = {
    "columns": columns_of(authors, nullable=True),
    "fields": [nested("a", authors, 0, 0)],
}
queries = [
    query("books.one", "one", "select …", **mixed),
    query("books.always", "one!", "select …", **mixed),
    query("books.many", "many", "select …", **mixed),
    query("books.stream", "stream", "select …", **mixed),
    query(
        "books.bulk",
        "bulk",
        "insert …",
        parameters=[
            parameter("a_rather_long_name_of_a_parameter", INT),
            parameter("another_rather_long_name_of_a_parameter", INT),
            parameter("a_third_rather_long_name_of_a_parameter", INT),
        ],
        **mixed,
    ),
    query("nested.one", "one", "select a", **whole_author),
    query("nested.many", "many", "select a", **whole_author),
    query(
        "nested.always",
        "one!",
        "select a",
        columns=columns_of(authors),
        fields=[nested("a", authors, 0)],
    ),
    query(
        "nested.marked",
        "many",
        "select a, b",
        columns={"id": Maybe(INT), "name": Maybe(TEXT), "missing": BIGINT},
        fields=[nested("author", authors, 0, 2, marker=True), ValueField("missing", 2)],
    ),
    query("bare.one", "one", "select 1", columns={"x": INT}),
    query("bare.proven", "one", "select 1", columns={"x": INT}, cardinality="one"),
    query("bare.maybe", "one", "select 1", columns={"x": Maybe(INT)}, cardinality="one"),
    query("bare.always", "one!", "select 1", columns={"x": INT}),
    query("bare.many", "many", "select 1", columns={"x": Maybe(INT)}),
    query("bare.stream", "stream", "select 1", columns={"x": INT}),
    query("bare.bulk", "bulk", "insert …", parameters=[parameter("x", INT)], columns={"x": INT}),
    query("shared.first", "many", "select …", columns=columns_of(authors), returns="Author"),
    query("shared.totals", "one", "select …", columns={"n": INT, "m": INT}, returns="Total"),
    query("shared.count", "one", "select …", columns={"n": INT, "m": INT}, returns="Total"),
    query("shared.single", "one", "select …", columns={"n": INT}, returns="Single"),
]
facts = schema(authors, books)
