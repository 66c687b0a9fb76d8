"""Random statements over a random schema."""

import re

from tests.codegen.analysis.fuzz.expressions import Sight
from tests.codegen.analysis.fuzz.queries import Queries
from tests.codegen.analysis.fuzz.schemas import TYPES, Column, Relation, literal
from tests.codegen.analysis.fuzz.sources import Named


class Statements(Queries):
    """Makes statements; `expressions.parameters` has the types of the last one's parameters."""

    def make(self) -> str:
        """A statement."""
        self.expressions.parameters = []
        self.ctes = []
        kind = self.rng.random()
        if kind < 0.3:
            return self.numbered(self.change())
        if kind < 0.35:
            return self.numbered(self.optional())
        if kind < 0.37:
            name = self.alias()
            return self.numbered(f"with recursive {self.recursive(name, [])} table {name}")
        return self.numbered(self.plain() if kind < 0.5 else self.query(2, [])[0])

    def optional(self) -> str:
        """An outer join whose own condition fixes its side, for some rows of the other."""
        rng = self.rng
        kept, a, ours = self.table()
        other, b, theirs = self.table()
        key = rng.choice(theirs[:2])[0]
        on = f"{key} = {rng.choice('012')} and {self.condition(Sight(ours))}"
        listed = ", ".join(name for name, _ in rng.sample(theirs, rng.randint(1, 2)))
        text = f"from {kept} {a} left join {other} {b} on {on}"
        if rng.random() < 0.5:
            return f"select distinct {listed} {text}"
        return f"select {listed}, count(*) {text} group by {listed}"

    def plain(self) -> str:
        """What most people write: a few tables joined by their ids, some columns fixed."""
        rng = self.rng
        relation, alias, columns = self.table()
        text, tables = f"{relation} {alias}", [alias]
        more = columns
        for _ in range(rng.choice([0, 0, 1, 1, 2])):
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
        pool = more if len(tables) > 1 and rng.random() < 0.5 else columns
        names = [c for c, _ in rng.sample(pool, min(rng.randint(1, 3), len(pool)))]
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
        names = ", ".join(column.name for column in written)
        branches = [
            "when matched and random() < 0.5 then delete",
            "when not matched and random() < 0.3 then do nothing",
            f"when matched and {self.condition(sight)} then update"
            f" set {column.name} = {self.value(column.type, sight, 0)}",
            f"when not matched and {self.condition(Sight(columns))} then insert ({names})"
            f" values ({', '.join(self.values(written, Sight(columns)))})",
            "when not matched by source then update"
            f" set {column.name} = {literal(column.type, rng)}",
        ]
        picked = rng.sample(branches, rng.randint(1, 3))
        returning, named = self.returning(sight, relation, alias)
        head = f"merge into {relation.name} {alias} using {text} on {self.condition(sight)}"
        return f"{head} {' '.join(picked)}{returning}", named
