"""SQL with $1, $2 …, for the contenders that take text."""

import re

from benchmark.models import INTERACTION, NEW, PROVIDER, SLIM

_ALL = ", ".join(INTERACTION)
_SLIM = ", ".join(SLIM)
_JOINED = ", ".join(
    [f"i.{name}" for name in INTERACTION] + [f"p.{name} as p_{name}" for name in PROVIDER]
)
_VALUES = ", ".join(f"${n}" for n in range(1, len(NEW) + 1))
_FROM = "from ai_interactions where created_at >= $1 order by created_at, id limit"

GET = f"select {_ALL} from ai_interactions where id = $1"
PAGE = (
    f"select {_ALL} from ai_interactions where model = $1 and error is null "
    "order by created_at desc limit 20"
)
SLIM_1000 = f"select {_SLIM} {_FROM} 1000"
FULL_1000 = f"select {_ALL} {_FROM} 1000"
STREAM = f"select {_SLIM} {_FROM} $2"
INSERT_ONLY = f"insert into ai_interactions ({', '.join(NEW)}) values ({_VALUES})"
INSERT = f"{INSERT_ONLY} returning {_ALL}"
UPDATE = (
    "update ai_interactions set response_time_ms = $2, completion_tokens = $3 "
    f"where id = $1 returning {_ALL}"
)
WITH_PROVIDER = (
    f"select {_JOINED} from ai_interactions i left join ai_providers p on p.id = i.provider_id "
    "where i.model = $1 order by i.created_at desc limit 20"
)
INSERT_PROVIDER = (
    "insert into ai_providers (name, type, base_url, settings) values ($1, $2, $3, $4) returning id"
)
COUNT = "select count(*) from ai_interactions where model = $1"
COUNTED_PAGE = (
    f"select {_ALL} from ai_interactions where model = $1 order by created_at desc limit 20"
)


def renamed(sql: str, form: str, *names: str) -> str:
    """The same with parameters of another form, as `:{}` or `%({})s`."""
    return re.sub(r"\$(\d+)", lambda found: form.format(names[int(found[1]) - 1]), sql)
