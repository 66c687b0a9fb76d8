"""What the role may do that it shouldn't, and others, too: looked up once, as a database opens."""

import logging
from collections.abc import Iterator
from typing import Any

from salacia_db.config import ConfigurationError, DatabaseSettings
from salacia_db.runtime.connections import failures
from salacia_db.runtime.connections.pool import Pool
from salacia_db.runtime.statement import RAW
from salacia_db.texts import printable

_log = logging.getLogger("salacia_db.security")

_QUERY = """
-- salacia_db.role_check
select r.rolname::text as role, r.rolsuper as superuser, r.rolbypassrls as bypasses,
  array(
    select n.nspname::text
    from pg_catalog.pg_namespace n
    cross join lateral pg_catalog.aclexplode(n.nspacl) a
    where n.nspname operator(pg_catalog.=) any (pg_catalog.current_schemas(false))
      and a.grantee operator(pg_catalog.=) 0::pg_catalog.oid
      and a.privilege_type operator(pg_catalog.=) 'CREATE'
    order by 1
  ) as open_schemas
from pg_catalog.pg_roles r
where r.rolname operator(pg_catalog.=) current_user
"""


async def check_role(pool: Pool, settings: DatabaseSettings) -> None:
    """Names what is unsafe in the log, or refuses it: `role_check`. Raises `ConfigurationError`."""
    if settings.role_check == "off":
        return
    found = [f"{settings.location}: {finding}" for finding in _findings(await _asked(pool))]
    if found and settings.role_check == "refuse":
        raise ConfigurationError("; ".join(found))
    for finding in found:
        _log.warning("%s", finding)


async def _asked(pool: Pool) -> Any:
    connection = pool.take() or await pool.acquire()
    try:
        connection.start(RAW, pool.settings.acquire)
        row = await connection.raw.fetchrow(_QUERY)
    except Exception as error:
        failure = failures.explain(error, connection, RAW, ())
    except BaseException:
        pool.drop(connection)
        raise
    else:
        connection.dirty = False
        pool.put(connection)
        return row
    pool.drop(connection)
    raise failure


def _findings(row: Any) -> Iterator[str]:
    role = printable(row["role"])
    unbound = "row-level security doesn't hold for it; connect as a role without that"
    if row["superuser"]:
        yield f"the role {role} is a superuser, who may do anything, and {unbound}"
    elif row["bypasses"]:
        yield f"the role {role} has BYPASSRLS: {unbound}"
    for schema in row["open_schemas"]:
        name = printable(schema)
        yield (
            f"every role may create objects in the schema {name}, which is in the search_path: a "
            "function of theirs could run in place of another; "
            f'REVOKE CREATE ON SCHEMA "{name}" FROM PUBLIC'
        )
