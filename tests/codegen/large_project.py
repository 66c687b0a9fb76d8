"""A large project, written for measurements: 40 tables and 500 queries of every usual form.

`python tests/codegen/large_project.py DIR` writes it into a new folder.
"""

import sys
from pathlib import Path

TABLES = 40
QUERIES = 500

_NOUNS = (
    "account address article basket booking brand budget campaign carrier category channel client"
    " comment contract coupon delivery device discount document event feature invoice item journal"
    " label ledger lesson licence location member message offer office order parcel partner"
    " payment permit product project"
).split()


def schema() -> str:
    """Forty tables, each with a foreign key to the one before, an enum, indexes and comments."""
    parts = ["create type state as enum ('draft', 'active', 'closed');"]
    for number, noun in enumerate(_NOUNS[:TABLES]):
        above = f"references {_NOUNS[number - 1]}s on delete cascade" if number else ""
        parts.append(
            f"create table {noun}s (\n"
            "  id uuid primary key,\n"
            f"  parent_id uuid {above},\n"
            "  code varchar(40) not null unique,\n"
            "  name text not null,\n"
            "  state state not null default 'draft',\n"
            "  amount numeric(12, 2) not null default 0,\n"
            "  quantity int,\n"
            "  details jsonb,\n"
            "  tags text[] not null default '{}',\n"
            "  due date,\n"
            "  created_at timestamptz not null default now(),\n"
            "  updated_at timestamptz not null default now()\n"
            ");\n"
            f"create index on {noun}s (parent_id, created_at);\n"
            f"comment on table {noun}s is 'What a {noun} is.';\n"
            f"comment on column {noun}s.amount is 'In euros.';"
        )
    return "\n\n".join(parts) + "\n"


def queries() -> dict[str, str]:
    """The text of each table's file, by the file's name."""
    each, more = divmod(QUERIES, TABLES)
    return {
        f"{noun}s.sql": "\n".join(_statements(number)[: each + (number < more)])
        for number, noun in enumerate(_NOUNS[:TABLES])
    }


def write(folder: Path) -> None:
    """Write schema, queries and settings."""
    (folder / "sql").mkdir(parents=True)
    (folder / "schema.sql").write_text(schema(), "utf-8")
    for name, text in queries().items():
        (folder / "sql" / name).write_text(text, "utf-8")
    settings = '[tool.salacia]\npackage = "large"\nschema = ["schema.sql"]\n'
    (folder / "pyproject.toml").write_text(settings, "utf-8")


def _statements(number: int) -> list[str]:
    table = f"{_NOUNS[number]}s"
    above = f"{_NOUNS[number - 1]}s" if number else table
    return [
        f"-- name: get :one\n-- One of the {table}.\nselect * from {table} where id = :id;\n",
        f"-- name: by_code :one!\nselect * from {table} where code = :code;\n",
        f"-- name: page :many\n-- default: limit 20\nselect t, p\nfrom {table} t\n"
        f"left join {above} p on p.id = t.parent_id\n"
        "where t.state = :state and (t.created_at, t.id) < (:created_at, :id)\n"
        "order by t.created_at desc, t.id desc\nlimit :limit;\n",
        f"-- name: create :one\n-- default: id uuid7()\n"
        f"insert into {table} (id, parent_id, code, name, amount, quantity, details, due)\n"
        "values (:id, :parent_id, :code, :name, :amount, :quantity, :details, :due)\n"
        "returning *;\n",
        f"-- name: save :one\ninsert into {table} (id, code, name) values (:id, :code, :name)\n"
        "on conflict (code) do update set name = excluded.name, updated_at = now()\n"
        "returning *;\n",
        f"-- name: rename :one\nupdate {table} set name = :name, quantity = coalesce(:quantity, "
        "quantity), updated_at = now()\nwhere id = :id\nreturning *;\n",
        f"-- name: close_old :exec\nupdate {table} set state = 'closed' where due < :before;\n",
        f"-- name: delete :exec\ndelete from {table} where id = any(:ids);\n",
        f"-- name: statistics :one\nselect count(*) as total, sum(amount) as amount,\n"
        "  avg(amount) filter (where state = 'active') as active, max(created_at) as newest,\n"
        "  count(distinct parent_id) as parents\n"
        f"from {table}\nwhere created_at between :since and :until;\n",
        f"-- name: by_month :many\nwith months as (\n"
        "  select date_trunc('month', created_at) as month, amount, quantity\n"
        f"  from {table}\n  where tags @> :tags\n)\n"
        "select month, count(*) as n, sum(amount) as amount,\n"
        "  coalesce(sum(quantity), 0) as quantity,"
        "\n  rank() over (order by sum(amount) desc) as place\n"
        "from months\ngroup by month\norder by month;\n",
        "-- name: search :many\nselect t.id, t.name, t.details ->> 'note' as note,"
        f"\n  p.name as parent, case when t.quantity > 0 then t.amount / t.quantity end as price\n"
        f"from {table} t\n"
        f"join {above} p on p.id = t.parent_id\nwhere t.name ilike :term or t.code = :code\n"
        "limit :limit;\n",
        f"-- name: move :one\nwith gone as (\n  delete from {table} where id = :id returning *\n)\n"
        f"insert into {above} (id, code, name, amount)\n"
        "select id, code, name, amount from gone\nreturning *;\n",
        f"-- name: add_all :bulk\ninsert into {table} (id, code, name)\n"
        "values (:id, :code, :name);\n",
    ]


if __name__ == "__main__":
    write(Path(sys.argv[1]))
