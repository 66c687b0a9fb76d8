"""Random FROM clauses: tables, views, functions, subqueries, and joins of every kind."""

from random import Random

from tests.codegen.analysis.fuzz.expressions import Expressions, Sight
from tests.codegen.analysis.fuzz.schemas import TYPES, Schema, literal

Named = list[tuple[str, str]]  # output columns: name and type


class Sources:
    """Makes FROM clauses; `expressions.parameters` has the types of the parameters so far."""

    def __init__(self, schema: Schema, rng: Random, version: int) -> None:
        self.schema = schema
        self.rng = rng
        self.version = version
        self.expressions = Expressions(rng, version)
        self.expressions.subqueries = self
        self.ctes: list[tuple[str, Named]] = []
        self.count = 0

    def query(self, depth: int, outer: Named) -> tuple[str, Named]:
        """A query, for FROM."""
        raise NotImplementedError

    def exists(self, sight: Sight) -> str:
        """A condition with a subquery."""
        raise NotImplementedError

    def scalar(self, type_: str, sight: Sight) -> str:
        """A scalar subquery."""
        raise NotImplementedError

    def alias(self) -> str:
        """A new name."""
        self.count += 1
        return f"q{self.count}"

    def value(self, type_: str, sight: Sight, depth: int) -> str:
        """An expression."""
        return self.expressions.make(type_, sight, depth)

    def table(self) -> tuple[str, str, Named]:
        """A table or view, a name for it, its columns."""
        relation = self.rng.choice(self.schema.relations)
        alias = self.alias()
        only = "only " if relation.kind == "table" and self.rng.random() < 0.1 else ""
        return (
            only + relation.name,
            alias,
            [(f"{alias}.{c.name}", c.type) for c in relation.columns],
        )

    def condition(self, sight: Sight) -> str:
        """A condition, mostly of the kinds that narrow or fix something."""
        rng = self.rng
        parts = []
        for _ in range(rng.choice([1, 1, 2, 3])):
            kind = rng.random()
            ints = [text for text, type_ in sight.columns if type_ == "int4"]
            others = [text for text, type_ in sight.columns + sight.outer if type_ == "int4"]
            if kind < 0.3 and ints:
                parts.append(f"{rng.choice(ints)} = {rng.choice([*others, '1', '2', '0'])}")
            elif kind < 0.45 and sight.columns:
                parts.append(f"{rng.choice(sight.columns)[0]} is not null")
            elif kind < 0.55:
                parts.append("true")
            else:
                parts.append(self.value("bool", sight, 2))
        text = rng.choice([" and ", " and ", " and ", " or "]).join(parts)
        return f"not ({text})" if rng.random() < 0.07 else text

    def source(self, depth: int, sight: Sight) -> tuple[str, Named]:
        """A FROM item without its joins; `sight` is what LATERAL may read."""
        rng, kind = self.rng, self.rng.random()
        alias = self.alias()
        if kind < 0.12 and depth > 0:
            lateral = rng.random() < 0.5
            sql, columns = self.query(
                depth - 1, sight.columns + sight.outer if lateral else sight.outer
            )
            return f"{'lateral ' * lateral}({sql}) {alias}", [
                (f"{alias}.{n}", t) for n, t in columns
            ]
        if kind < 0.18:
            types = [rng.choice(TYPES) for _ in range(2)]
            rows = ", ".join(
                f"({', '.join(literal(t, rng) for t in types)})" for _ in range(rng.randint(1, 3))
            )
            return f"(values {rows}) {alias}(a, b)", [
                (f"{alias}.a", types[0]),
                (f"{alias}.b", types[1]),
            ]
        if kind < 0.3:
            return self.function(alias, sight)
        if kind < 0.6 and self.ctes:
            name, columns = rng.choice(self.ctes)
            return f"{name} {alias}", [(f"{alias}.{n}", t) for n, t in columns]
        relation, alias, columns = self.table()
        return f"{relation} {alias}", columns

    def function(self, alias: str, sight: Sight) -> tuple[str, Named]:
        """A function in FROM."""
        value = self.value
        calls = [
            (f"generate_series(1, {value('int4', sight, 0)})", ["int4"]),
            (f"unnest({value('int4[]', sight, 0)})", ["int4"]),
            (f"unnest(array[{value('int4', sight, 0)}])", ["int4"]),
            (f"f_set({value('int4', sight, 0)})", ["int4"]),
            (f"f_strict_set({value('int4', sight, 0)})", ["int4"]),
            (f"f_strict({value('int4', sight, 0)})", ["int4"]),
            (f"abs({value('int4', sight, 0)})", ["int4"]),
            (f"f_table({value('int4', sight, 0)})", ["int4", "text"]),
            ("f_out()", ["int4", "text"]),
            (f"jsonb_each({value('jsonb', sight, 0)})", ["text", "jsonb"]),
            (f"jsonb_each_text({value('jsonb', sight, 0)})", ["text", "text"]),
            (f"regexp_split_to_table({value('text', sight, 0)}, 'a')", ["text"]),
            (f"string_to_table({value('text', sight, 0)}, ',')", ["text"]),
            (f"jsonb_to_record({value('jsonb', sight, 0)})", ["int4", "text"]),
        ]
        call, types = self.rng.choice(calls)
        if self.rng.random() < 0.15:
            other, more = self.rng.choice(calls[:6])
            call, types = f"rows from ({call}, {other})", types + more
            if "jsonb_to_record(" in call:
                call, types = other, more
        names = [f"k{i}" for i in range(len(types))]
        if "jsonb_to_record(" in call:
            return f"{call} as {alias}(k0 int4, k1 text)", [
                (f"{alias}.k0", "int4"),
                (f"{alias}.k1", "text"),
            ]
        ordinality = ""
        if self.rng.random() < 0.3:
            ordinality = " with ordinality"
            names.append("o")
        text = f"{call}{ordinality} as {alias}({', '.join(names)})"
        return text, [(f"{alias}.{n}", t) for n, t in zip(names, types, strict=False)]

    def from_clause(self, depth: int, outer: Named) -> tuple[str, Named]:
        """A FROM clause with joins of every kind."""
        text, columns = self.joined(depth, outer, self.rng.choice([0, 0, 1, 1, 2, 3]))
        if self.rng.random() < 0.15:
            more, others = self.source(depth, Sight(columns, outer))
            return f"{text}, {more}", columns + others
        return text, columns

    def joined(self, depth: int, outer: Named, joins: int) -> tuple[str, Named]:
        """A tree of joins."""
        rng = self.rng
        if joins == 0:
            return self.source(depth, Sight([], outer))
        split = rng.randrange(joins) if rng.random() < 0.4 else joins - 1
        left, ours = self.joined(depth, outer, split)
        kind = rng.choice(
            ["join", "left join", "left join", "right join", "full join", "cross join"]
        )
        lateral = kind in ("join", "left join", "cross join") and joins - 1 - split == 0
        if lateral:
            right, theirs = self.source(depth, Sight(ours, outer))
        else:
            right, theirs = self.joined(depth, outer, joins - 1 - split)
            if joins - 1 - split:
                right = f"({right})"
        if kind == "cross join":
            return f"{left} cross join {right}", ours + theirs
        if rng.random() < 0.12 and self.mergeable(ours) and self.mergeable(theirs):
            merged = ("id", "int4")
            rest = [c for c in ours + theirs if not c[0].endswith(".id")]
            return f"{left} {kind} {right} using (id)", [merged, *rest]
        if kind == "full join":
            pairs = [(a, b) for a, t in ours for b, u in theirs if t == u and t in ("int4", "text")]
            a, b = rng.choice(pairs) if pairs else ("1", "1")
            merged = [(f"coalesce({x}, {y})", t) for x, t in ours for y, u in theirs if t == u]
            rng.shuffle(merged)
            return f"{left} full join {right} on {a} = {b}", ours + theirs + merged[:2]
        condition = self.condition(Sight(ours + theirs, outer))
        return f"{left} {kind} {right} on {condition}", ours + theirs

    def mergeable(self, columns: Named) -> bool:
        """Whether USING (id) means one column there."""
        return [name.rpartition(".")[2] for name, _ in columns].count("id") == 1
