"""Random queries: grouped, windowed, recursive, combined, and the subqueries in expressions."""

from tests.codegen.analysis.fuzz.expressions import Sight
from tests.codegen.analysis.fuzz.schemas import TYPES
from tests.codegen.analysis.fuzz.sources import Named, Sources


class Queries(Sources):
    """Makes queries."""

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
            where = self.condition(Sight(columns, outer))
            return f"(select {self.value(type_, inner, 1)} from {relation} {alias} where {where})"
        if shape == 2:
            return f"(select {self.value(type_, inner, 1)} from {relation} {alias} limit 1)"
        text = f"{self.value(type_, inner, 1)} from {relation} {alias}"
        return f"(select {text} where {self.condition(inner)} limit 1)"

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
        theirs = self.value("int4", inner, 0)
        return f"{value} {test} (select {theirs} from {relation} {alias} where {where})"

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
        if self.rng.random() < 0.5:  # a NULL takes several steps from the last to the first
            step[:2] = [f"{name}.b", f"{name}.c"]
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
                test = rng.choice(["count(*) > 1", "count(*) > 0", "count(*) >= 0"])
                tail = f" having {test}"
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
