"""Random expressions of a given type over the columns in sight."""

from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from tests.codegen.analysis.fuzz.schemas import TYPES, literal

SHORT = {
    "i": "int4",
    "t": "text",
    "b": "bool",
    "n": "numeric",
    "z": "timestamptz",
    "d": "date",
    "v": "interval",
    "j": "jsonb",
    "I": "int4[]",
    "T": "text[]",
    "r": "int4range",
    "m": "mood",
}

ANY = """
coalesce(#,#);coalesce(#,#,#);nullif(#,#);greatest(#,#);least(#,#);case when @b then # else # end
case when @b then # end;case @i when @i then # else # end;case when # is not null then # else # end
case when # is null then # else # end;(array[#,#])[@i];(#)
"""
BY_TYPE = {
    "int4": """
    @i + @i;@i * @i;- @i;abs(@i);length(@t);cardinality(@I);array_length(@I,1);(@I)[1];(@I)[@i]
    f_strict(@i);f_plain(@i);extract(year from @z)::int4;position(@t in @t);array_position(@I,@i)
    strpos(@t,@t);jsonb_array_length(@j);lower(@r);upper(@r);(@j->>'a')::int4;num_nulls(@i,@t)
    f_write(@i);nextval('numbers')::int4;regexp_count(@t,'a');@d - @d;ascii(@t);(@j->'a')::int4
    """,
    "text": """
    @t || @t;upper(@t);lower(@t);substring(@t from 1 for 1);substring(@t from 'a');concat(@t,@t)
    concat_ws(',',@t,@t);format('%s',@t);@j->>'a';@j#>>'{a}';f_plpgsql(@t);split_part(@t,',',1)
    to_char(@z,'YYYY');to_char(@i,'99');array_to_string(@T,',');(@T)[1];@i::text;@m::text;trim(@t)
    replace(@t,@t,'x');left(@t,1);jsonb_typeof(@j);md5(@t);@t::required::text;quote_literal(@t)
    quote_nullable(@t);regexp_replace(@t,'a','b');(regexp_match(@t,'a'))[1];repeat(@t,2)
    """,
    "bool": """
    @i = @i;@i < @i;@i <> @i;@t = @t;@t like @t;@z < @z;@b and @b;@b or @b;not @b;# is null
    # is not null;@b is true;@b is not true;@b is unknown;@b is not unknown;@b is false
    @b is not false;# is distinct from #;# is not distinct from #;@i in (1,2);@i not in (1,2)
    @i in (@i,@i);@i = any(@I);@i <> all(@I);(@i,@t) < (@i,@t);(@i,@t) = (@i,@t)
    @i between @i and @i
    @j ? 'a';@j @> @j;@r @> @i;@r && @r;@I && @I;@I @> @I;isempty(@r);starts_with(@t,'a')
    @j = @j;@m = @m;(@i,@t) is null;(@i,@t) is not null;coalesce(@b,false);coalesce(@b,true)
    @j @? '$.a';@j @@ '$.a == 1';isfinite(@z);array[@i] = @I;@t ~ 'a';@n > @n;@d = @d
    """,
    "numeric": """
    @n + @n;@n * @n;@i::numeric;round(@n);abs(@n);min_scale(@n);scale(@n);trunc(@n,1)
    extract(epoch from @z);extract(hour from @z);extract(month from @d)
    """,
    "timestamptz": """
    @z + @v;date_trunc('day',@z);@d::timestamptz;now();@z - @v;greatest(@z,now())
    """,
    "date": "@d + @i;@z::date;@d - @i;make_date(2024,1,2)",
    "interval": """
    @v + @v;@z - @z;make_interval(days => @i);- @v;@v * @i;justify_days(@v)
    """,
    "jsonb": """
    @j || @j;@j -> 'a';@j -> 0;to_jsonb(@i);to_jsonb(@t);jsonb_build_object('a',@i)
    jsonb_build_array(@i);jsonb_set(@j,'{a}',@j);@j - 'a';@j #> '{a}'
    jsonb_path_query_first(@j,'$.a');jsonb_path_query_array(@j,'$.a');jsonb_strip_nulls(@j)
    jsonb_object(@T);(@j)['a']
    """,
    "int4[]": """
    array[@i,@i];@I || @i;@I || @I;array_remove(@I,@i);array_append(@I,@i);(@I)[1:2]
    array_fill(@i,array[2]);array(select @i);array_positions(@I,@i)
    """,
    "text[]": """
    array[@t];string_to_array(@t,',');regexp_match(@t,'a');array_cat(@T,@T)
    regexp_split_to_array(@t,'a');@T || @t;array_replace(@T,@t,@t)
    """,
    "int4range": "int4range(@i,@i);@r * @r;range_merge(@r,@r);@r + @r",
    "mood": "enum_first(@m);@m",
    "positive": "@i::positive",
    "required": "@t::required",
}
AGGREGATES = {
    "int4": [
        "count(*)::int4",
        "count(@i)::int4",
        "min(@i)",
        "max(@i)",
        "a_last(@i)",
        "bit_or(@i)",
        "any_value(@i)",
        "mode() within group (order by @i)",
        "percentile_disc(0.5) within group (order by @i)",
        "sum(@i)::int4",
        "(array_agg(@i order by @i))[1]",
        "(array_agg(@i))[2]",
    ],
    "text": [
        "(array_agg(@t) filter (where @t is not null))[1]",
        "string_agg(@t,',')",
        "min(@t)",
        "max(@t)",
        "string_agg(@t,@t)",
    ],
    "bool": ["bool_and(@b)", "bool_or(@b)", "every(@b)", "count(*) > 0"],
    "numeric": ["sum(@n)", "avg(@i)", "avg(@n)", "stddev_pop(@n)", "stddev(@n)", "var_pop(@i)"],
    "timestamptz": ["max(@z)", "min(@z)"],
    "date": ["max(@d)"],
    "interval": ["sum(@v)", "max(@v)"],
    "jsonb": ["jsonb_agg(@i)", "jsonb_object_agg(coalesce(@t,''),@i)"],
    "int4[]": [
        "array_agg(@i)",
        "array_agg(distinct @i)",
        "percentile_disc(array[0.5]) within group (order by @i)",
    ],
    "text[]": ["array_agg(@t)"],
}
WINDOWS = {
    "int4": [
        "row_number() % 9",
        "rank() % 9",
        "ntile(@i)",
        "lag(@i)",
        "lead(@i,1,@i)",
        "first_value(@i)",
        "last_value(@i)",
        "nth_value(@i,2)",
        "max(@i)",
        "count(@i)",
    ],
    "text": ["first_value(@t)", "lag(@t)", "max(@t)", "string_agg(@t,',')"],
    "bool": ["bool_and(@b)", "lead(@b,1,true)"],
    "numeric": ["sum(@i)", "avg(@n)", "cume_dist()", "percent_rank()"],
    "timestamptz": ["max(@z)", "lag(@z,1,now())"],
    "int4[]": ["array_agg(@i)"],
}


def _templates(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\n", ";").split(";") if part.strip()]


_SAME = _templates(ANY)
_TEMPLATES = {type_: _templates(text) for type_, text in BY_TYPE.items()}
FRAMES = [
    "", "", "order by 1", "rows between 1 preceding and current row",
    "rows between 1 following and 2 following", "rows between unbounded preceding and 1 preceding",
    "rows between current row and 1 following exclude current row",
    "rows between 1 preceding and 1 following exclude ties",
    "groups between 1 preceding and current row exclude group",
]  # fmt: skip


class Subqueries(Protocol):
    """What makes a subquery for an expression."""

    def scalar(self, type_: str, sight: "Sight") -> str: ...
    def exists(self, sight: "Sight") -> str: ...


@dataclass
class Sight:
    """The columns that an expression may read: SQL text and type; outer queries' come last."""

    columns: list[tuple[str, str]]
    outer: list[tuple[str, str]] = field(default_factory=list)
    aggregated: "Sight | None" = None
    """In a grouped query: what the arguments of aggregates may read."""
    windows: bool = False


class Expressions:
    """Makes expressions. `parameters` collects the types of `$1`, `$2`, …"""

    def __init__(self, rng: Random, version: int) -> None:
        self.rng = rng
        self.version = version
        self.parameters: list[str] = []
        self.subqueries: Subqueries | None = None

    def make(self, type_: str, sight: Sight, depth: int) -> str:
        """An expression of the type."""
        chance = self.rng.random()
        if chance < 0.06 and depth > 0 and self.subqueries:
            return self.subqueries.scalar(type_, sight)
        if sight.aggregated is not None and chance < 0.45 and type_ in AGGREGATES:
            return self.aggregate(type_, sight.aggregated, depth)
        if sight.windows and chance < 0.4 and type_ in WINDOWS and depth > 0:
            return self.window(type_, sight)
        if depth > 0 and chance > 0.6:
            return self.call(type_, sight, depth)
        return self.leaf(type_, sight)

    def leaf(self, type_: str, sight: Sight) -> str:
        """A column, a constant or a parameter."""
        fitting = [text for text, of in sight.columns if of == type_]
        if fitting and self.rng.random() < 0.8:
            return self.rng.choice(fitting)
        outer = [text for text, of in sight.outer if of == type_]
        if outer and self.rng.random() < 0.6:
            return self.rng.choice(outer)
        if self.rng.random() < 0.08 and type_ in ("int4", "text", "bool"):
            self.parameters.append(type_)
            return f"${len(self.parameters)}::{type_}"
        return literal(type_, self.rng)

    def call(self, type_: str, sight: Sight, depth: int) -> str:
        """A function or operator over further expressions."""
        if type_ == "bool" and self.rng.random() < 0.08 and self.subqueries:
            return self.subqueries.exists(sight)
        choices = _TEMPLATES[type_] + (_SAME if self.rng.random() < 0.4 else [])
        if type_.endswith("[]"):
            choices = [c for c in choices if c != "(array[#,#])[@i]"]
        template = self.rng.choice(choices)
        return "(" + self.fill(template, type_, sight, depth - 1) + ")"

    def fill(self, template: str, type_: str, sight: Sight, depth: int) -> str:
        """The template with its places (`@i` an int4, `#` one type chosen here) filled."""
        same = type_ if template in _SAME else self.rng.choice(TYPES)
        if same == "required" and "#" in template:
            same = "text"
        parts, i = [], 0
        while i < len(template):
            if template[i] == "@" and template[i + 1 : i + 2] in SHORT and template[i + 1] != " ":
                parts.append(self.make(SHORT[template[i + 1]], sight, depth))
                i += 2
            elif template[i] == "#" and template[i + 1 : i + 2] not in (">", "-"):
                parts.append(self.make(same, sight, depth))
                i += 1
            else:
                parts.append(template[i])
                i += 1
        return "".join(parts)

    def aggregate(self, type_: str, sight: Sight, depth: int) -> str:
        """An aggregate over expressions of the rows before grouping."""
        choices = AGGREGATES[type_]
        if self.version < 160000:
            choices = [c for c in choices if "any_value" not in c]
        template = self.rng.choice(choices)
        if template.startswith("array_agg(@") and self.rng.random() < 0.3:
            value = self.make(SHORT[template[11]], sight, 0)
            return f"array_agg({value}) filter (where {value} is not null)"
        text = self.fill(template, type_, sight, min(depth, 1) - 1)
        if self.rng.random() < 0.12 and not template.endswith(("]", "::int4", "> 0")):
            text += f" filter (where {self.make('bool', sight, 0)})"
        return text

    def window(self, type_: str, sight: Sight) -> str:
        """A window function; its arguments hold no further ones."""
        inner = Sight(sight.columns, sight.outer)
        template = self.rng.choice(WINDOWS[type_])
        head, _, tail = template.partition(" % ")
        call = self.fill(head, type_, inner, 0)
        order = self.rng.choice(["", f"order by {self.leaf('int4', inner)} "])
        frame = self.rng.choice(FRAMES).replace("order by 1", "")
        if frame.startswith("groups") and not order:
            frame = ""
        if call.startswith(("lag", "lead", "row_number", "rank", "ntile", "cume", "percent")):
            frame = ""
        partition = f"partition by {self.leaf('text', inner)} " if self.rng.random() < 0.3 else ""
        text = f"{call} over ({partition}{order}{frame})"
        return f"({text}{' % ' + tail if tail else ''})::{type_}"
