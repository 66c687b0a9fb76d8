"""Random statements over a random schema."""

import re
from random import Random

from tests.codegen.analysis.fuzz.expressions import Expressions, Sight
from tests.codegen.analysis.fuzz.schemas import TYPES, Column, Relation, Schema, literal

Named = list[tuple[str, str]]  # output columns: name and type


class Statements:
    """Makes statements; `expressions.parameters` has the types of the last one's parameters."""

    def __init__(self, schema: Schema, rng: Random, version: int) -> None:
        self.schema = schema
        self.rng = rng
        self.version = version
        self.expressions = Expressions(rng, version)
        self.expressions.subqueries = self
        self.ctes: list[tuple[str, Named]] = []
        self.count = 0

    def make(self) -> str:
        """A statement."""
        self.expressions.parameters = []
        self.ctes = []
        kind = self.rng.random()
        if kind < 0.3:
            sql = self.change()
        else:
            sql = self.plain() if kind < 0.5 else self.query(2, [])[0]
        return self.numbered(sql)

    def plain(self) -> str:
        """What most people write: a few tables joined by their ids, some columns fixed."""
        rng = self.rng
        relation, alias, columns = self.table()
        text, tables = f"{relation} {alias}", [alias]
        for _ in range(rng.choice([0, 0, 1, 2])):
            other, name, more = self.table()
            left, right = columns[rng.randrange(2)][0], more[rng.randrange(2)][0]
            on = f"{right} = {rng.choice([left, left, '1'])}"
            if rng.random() < 0.3:
                on += f" and {self.condition(Sight(columns))}"
            join = rng.choice(["join", "left join", "left join", "right join"])
            text += f" {join} {other} {name} on {on}"
            tables.append(name)
            columns = columns + more
        ints = [c for c, t in columns if t == "int4"]
        tests = [
            f"{rng.choice(ints)} = {rng.choice(['1', '2', '0', rng.choice(ints)])}"
            for _ in range(rng.choice([0, 1, 1, 2]))
        ]
        where = f" where {' and '.join(tests)}" if tests else ""
        picked = rng.sample(columns, min(3, len(columns)))
        names = [c for c, _ in picked]
        tail = rng.choice(["", "", "", " for update", " limit 1", f" group by {', '.join(names)}"])
        distinct = rng.choice(["", "", "distinct "]) if not tail else ""
        if tail == " for update":
            tail = f" for update of {tables[0]}"
        return f"select {distinct}{', '.join(names)} from {text}{where}{tail}"

    def numbered(self, sql: str) -> str:
        """The statement with its parameters numbered again: some were made and not used."""
        types = self.expressions.parameters
        used = sorted({int(number) for number in re.findall(r"\$(\d+)", sql)})
        self.expressions.parameters = [types[number - 1] for number in used]
        return re.sub(r"\$(\d+)", lambda m: f"${used.index(int(m[1])) + 1}", sql)

    # --- what expressions ask for -----------------------------------------------------------------

    def scalar(self, type_: str, sight: Sight) -> str:
        """A scalar subquery, often of exactly one row."""
        outer = sight.columns + sight.outer
        relation, alias, columns = self.table()
        inner = Sight(columns, outer)
        shape = self.rng.randrange(5)
        if shape == 0:
            return f"(select {self.value(type_, Sight([], outer), 1)})"
        if shape == 1:
            inner = Sight([], [], aggregated=Sight(columns, outer))
            return f"(select {self.value(type_, inner, 1)} from {relation} {alias} where {self.condition(Sight(columns, outer))})"
        if shape == 2:
            return f"(select {self.value(type_, inner, 1)} from {relation} {alias} limit 1)"
        return f"(select {self.value(type_, inner, 1)} from {relation} {alias} where {self.condition(inner)} limit 1)"

    def exists(self, sight: Sight) -> str:
        """EXISTS, IN or a comparison with ALL over a subquery."""
        relation, alias, columns = self.table()
        inner = Sight(columns, sight.columns + sight.outer)
        where = self.condition(inner)
        if self.rng.random() < 0.5:
            what = self.rng.choice(["1", "count(*)", columns[0][0]])
            return f"exists (select {what} from {relation} {alias} where {where})"
        value = self.value("int4", sight, 0)
        test = self.rng.choice(["in", "not in", "= any", "<> all", "> all"])
        return f"{value} {test} (select {self.value('int4', inner, 0)} from {relation} {alias} where {where})"

    # --- pieces -----------------------------------------------------------------------------------

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
            return f"{left} full join {right} on {a} = {b}", ours + theirs
        condition = self.condition(Sight(ours + theirs, outer))
        return f"{left} {kind} {right} on {condition}", ours + theirs

    def mergeable(self, columns: Named) -> bool:
        """Whether USING (id) means one column there."""
        return [name.rpartition(".")[2] for name, _ in columns].count("id") == 1

    # --- queries ----------------------------------------------------------------------------------

    def query(self, depth: int, outer: Named) -> tuple[str, Named]:
        """A SELECT, a set operation, or either of them with WITH."""
        saved = list(self.ctes)
        clauses = []
        if depth > 0 and self.rng.random() < 0.2:
            clauses = [self.cte(depth, outer) for _ in range(self.rng.randint(1, 2))]
        if depth > 0 and self.rng.random() < 0.15:
            sql, columns = self.operation(depth, outer)
        else:
            sql, columns = self.select(depth, outer, None)
        self.ctes = saved
        return (f"with recursive {', '.join(clauses)} " if clauses else "") + sql, columns

    def cte(self, depth: int, outer: Named) -> str:
        """A WITH query, sometimes recursive."""
        name = self.alias()
        if self.rng.random() < 0.4:
            return self.recursive(name, outer)
        sql, columns = self.query(depth - 1, outer)
        self.ctes.append((name, columns))
        return f"{name} as {self.rng.choice(['', 'materialized '])}({sql})"

    def recursive(self, name: str, outer: Named) -> str:
        """A recursive WITH query whose columns may pass a NULL from one to the next."""
        start = [self.rng.choice(["1", "null::int4", "2"]) for _ in range(3)]
        columns = [(f"{name}.{c}", "int4") for c in ("a", "b", "c")]
        sight = Sight(columns, outer)
        source = name
        if self.rng.random() < 0.3:
            relation, alias, others = self.table()
            source += f" left join {relation} {alias} on {self.condition(Sight(others))}"
            sight = Sight(columns + others, outer)
        step = [self.value("int4", sight, 1) for _ in range(3)]
        union = self.rng.choice(["union", "union all"])
        self.ctes.append((name, [("a", "int4"), ("b", "int4"), ("c", "int4"), ("k", "int4")]))
        return (
            f"{name}(a, b, c, k) as (select {', '.join(start)}, 1 {union}"
            f" select {', '.join(step)}, {name}.k + 1 from {source} where {name}.k < 4)"
        )

    def operation(self, depth: int, outer: Named) -> tuple[str, Named]:
        """A set operation over two or three queries of the same types."""
        types = [self.rng.choice(TYPES[:6]) for _ in range(self.rng.randint(1, 3))]
        sql, columns = self.select(depth - 1, outer, types)
        sql = f"({sql})"
        for _ in range(self.rng.choice([1, 1, 2])):
            other, _names = self.select(depth - 1, outer, types)
            word = self.rng.choice(["union", "union all", "intersect", "except", "intersect all"])
            sql = f"({sql} {word} ({other}))"
        return sql[1:-1], columns

    def select(self, depth: int, outer: Named, types: list[str] | None) -> tuple[str, Named]:
        """A plain SELECT; `types` are those that its columns must have."""
        rng = self.rng
        text, columns = self.from_clause(depth, outer)
        sight = Sight(columns, outer)
        where = f" where {self.condition(sight)}" if rng.random() < 0.6 else ""
        wanted = types or [rng.choice(TYPES) for _ in range(rng.randint(1, 4))]
        kind, tail = rng.random(), ""
        if kind < 0.12:
            sight = Sight([], outer, aggregated=sight)
            if rng.random() < 0.2:
                tail = " having count(*) > 1"
        elif kind < 0.3 and columns:
            sight, tail = self.grouped(sight)
        elif kind < 0.45:
            sight = Sight(columns, outer, windows=True)
        elif kind < 0.5 and types is None:
            return self.star(text, columns, where)
        items = [self.value(t, sight, 2) for t in wanted]
        names = [f"o{i}" for i in range(len(items))]
        if kind > 0.95 and types is None:
            items.append(
                rng.choice(
                    [
                        "generate_series(1,2)",
                        "unnest(array[1,null])",
                        "f_set(1)",
                        "unnest('{1}'::int4[])",
                    ]
                )
            )
            names.append("g")
            wanted = [*wanted, "int4"]
        distinct = "distinct " if rng.random() < 0.06 else ""
        limit = rng.choice(
            [" limit 1", " limit 0", " limit 2", " offset 1", " fetch first 1 rows with ties"]
        )
        if rng.random() < 0.1:
            if "ties" in limit:
                limit = " order by 1" + limit
            tail += limit
        listed = ", ".join(f"{e} as {n}" for e, n in zip(items, names, strict=True))
        return f"select {distinct}{listed} from {text}{where}{tail}", list(
            zip(names, wanted, strict=True)
        )

    def star(self, text: str, columns: Named, where: str) -> tuple[str, Named]:
        """All columns, under new names."""
        picked = self.rng.sample(columns, min(len(columns), 5))
        named = [(f"o{i}", t) for i, (_, t) in enumerate(picked)]
        listed = ", ".join(
            f"{text} as {n}" for (text, _), (n, _) in zip(picked, named, strict=True)
        )
        alias = picked and picked[0][0].rpartition(".")[0]
        whole = f", {alias} as whole" if alias and self.rng.random() < 0.4 else ""
        return f"select {listed or '1 as o'}{whole} from {text}{where}", named

    def grouped(self, sight: Sight) -> tuple[Sight, str]:
        """What a grouped query may read, and its GROUP BY."""
        rng = self.rng
        keys = rng.sample(sight.columns, min(len(sight.columns), rng.randint(1, 2)))
        if rng.random() < 0.3:
            keys.append((self.value("int4", Sight(sight.columns), 1), "int4"))
        names = [text for text, _ in keys if "$" not in text]
        keys = [key for key in keys if key[0] in names]
        if not names:
            names, keys = ["1"], []
        listed = ", ".join(f"({name})" for name in names)
        sets = rng.random()
        if sets < 0.1:
            clause = f"rollup({listed})"
        elif sets < 0.15:
            clause = f"grouping sets ({', '.join(f'(({n}))' for n in names)})"
        elif sets < 0.2:
            clause = f"cube({listed})"
        else:
            clause = listed if names != ["1"] else "()"
        having = ""
        grouped = Sight(keys, [], aggregated=sight)
        if rng.random() < 0.25:
            having = f" having {self.value('bool', grouped, 1)}"
        return grouped, f" group by {clause}{having}"

    # --- changes ----------------------------------------------------------------------------------

    def change(self) -> str:
        """INSERT, UPDATE, DELETE or MERGE with RETURNING, at the top or inside WITH."""
        makers = [self.insert, self.update, self.update, self.delete]
        if self.version >= 170000:
            makers.append(self.merge)
        sql, columns = self.rng.choice(makers)()
        if self.rng.random() < 0.2 and columns:
            items = ", ".join(f"w.{name}" for name, _ in columns)
            where = self.rng.choice(["", f" where w.{columns[0][0]} is not null"])
            return f"with w as ({sql}) select {items} from w{where}"
        return sql

    def target(self) -> tuple[Relation, str]:
        """Something to write to."""
        return self.rng.choice([r for r in self.schema.relations if r.writable]), self.alias()

    def returning(self, sight: Sight, relation: Relation, alias: str) -> tuple[str, Named]:
        """A RETURNING list, with `old` and `new` where the server has them."""
        rng = self.rng
        items = [(self.value(t, sight, 1), t) for t in rng.sample(TYPES[:8], rng.randint(1, 2))]
        items += [(f"{alias}.{c.name}", c.type) for c in rng.sample(relation.columns, 2)]
        if self.version >= 180000:
            for side in rng.sample(["old", "new"], rng.randint(0, 2)):
                column = rng.choice(relation.columns)
                items.append((f"{side}.{column.name}", column.type))
        if rng.random() < 0.15:
            items.append((alias, "row"))
        named = [(f"o{i}", t) for i, (_, t) in enumerate(items)]
        listed = ", ".join(f"{e} as {n}" for (e, _), (n, _) in zip(items, named, strict=True))
        return f" returning {listed}", named

    def values(self, columns: list[Column], sight: Sight) -> list[str]:
        """A value for each column; ids mostly new ones."""
        return [
            str(self.rng.randint(0, 9)) if c.name == "id" else self.value(c.type, sight, 1)
            for c in columns
        ]

    def written(self, relation: Relation) -> list[Column]:
        """Some of the columns that may be written."""
        plain = [c for c in relation.columns if c.name not in ("made", "id")]
        picked = [c for c in plain if self.rng.random() < 0.8 or c.type == "required"]
        return [relation.columns[0], *picked]

    def insert(self) -> tuple[str, Named]:
        """INSERT of values or a query, with ON CONFLICT where there is a key."""
        rng = self.rng
        relation, alias = self.target()
        columns = self.written(relation)
        names = ", ".join(c.name for c in columns)
        rows = rng.choice([1, 1, 2])
        values = ", ".join(f"({', '.join(self.values(columns, Sight([])))})" for _ in range(rows))
        body = f"values {values}"
        if rng.random() < 0.25:
            text, source = self.from_clause(0, [])
            body = f"select {', '.join(self.values(columns, Sight(source)))} from {text}"
        conflict = ""
        if relation.keys and rng.random() < 0.4:
            key = ", ".join(rng.choice(relation.keys))
            conflict = f" on conflict ({key}) do nothing"
            if rng.random() < 0.7:
                column = rng.choice(columns[1:] or columns)
                value = rng.choice([f"excluded.{column.name}", literal(column.type, rng, 0.5)])
                conflict = f" on conflict ({key}) do update set {column.name} = {value}"
                if rng.random() < 0.3:
                    conflict += f" where {alias}.{column.name} is not null"
        sight = Sight([(f"{alias}.{c.name}", c.type) for c in relation.columns])
        returning, named = self.returning(sight, relation, alias)
        return (
            f"insert into {relation.name} as {alias} ({names}) {body}{conflict}{returning}",
            named,
        )

    def update(self) -> tuple[str, Named]:
        """UPDATE, often with FROM."""
        relation, alias = self.target()
        own = [(f"{alias}.{c.name}", c.type) for c in relation.columns]
        others: Named = []
        source = ""
        if self.rng.random() < 0.5:
            text, others = self.from_clause(1, [])
            source = f" from {text}"
        sight = Sight(own + others)
        columns = self.written(relation)[1:] or relation.columns[:1]
        picked = self.rng.sample(columns, min(len(columns), 2))
        sets = ", ".join(f"{c.name} = {self.value(c.type, sight, 1)}" for c in picked)
        where = f" where {self.condition(sight)}" if self.rng.random() < 0.8 else ""
        if self.rng.random() < 0.4:
            where = f" where {alias}.{picked[0].name} is not null"
        returning, named = self.returning(sight, relation, alias)
        returning += f", {alias}.{picked[0].name} as o9"
        named.append(("o9", picked[0].type))
        return f"update {relation.name} {alias} set {sets}{source}{where}{returning}", named

    def delete(self) -> tuple[str, Named]:
        """DELETE, often with USING."""
        relation, alias = self.target()
        own = [(f"{alias}.{c.name}", c.type) for c in relation.columns]
        others: Named = []
        source = ""
        if self.rng.random() < 0.5:
            text, others = self.from_clause(1, [])
            source = f" using {text}"
        sight = Sight(own + others)
        where = f" where {self.condition(sight)}" if self.rng.random() < 0.8 else ""
        returning, named = self.returning(sight, relation, alias)
        return f"delete from {relation.name} {alias}{source}{where}{returning}", named

    def merge(self) -> tuple[str, Named]:
        """MERGE with some of its branches."""
        rng = self.rng
        relation, alias = self.target()
        text, columns = self.source(1, Sight([]))
        own = [(f"{alias}.{c.name}", c.type) for c in relation.columns]
        sight = Sight(own + columns)
        written = self.written(relation)
        column = rng.choice(written[1:] or written)
        branches = [
            "when matched and random() < 0.5 then delete",
            "when not matched and random() < 0.3 then do nothing",
            f"when matched and {self.condition(sight)} then update set {column.name} = {self.value(column.type, sight, 0)}",
            f"when not matched and {self.condition(Sight(columns))} then insert ({', '.join(c.name for c in written)})"
            f" values ({', '.join(self.values(written, Sight(columns)))})",
            f"when not matched by source then update set {column.name} = {literal(column.type, rng)}",
        ]
        picked = rng.sample(branches, rng.randint(1, 3))
        returning, named = self.returning(sight, relation, alias)
        on = self.condition(sight)
        return (
            f"merge into {relation.name} {alias} using {text} on {on} {' '.join(picked)}{returning}",
            named,
        )
