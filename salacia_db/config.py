"""Configuration: where the database is and how the pool behaves. Imports nothing of ours."""

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Literal, TypedDict
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Struct

Profile = Literal["development", "test", "production"]

# The database that `embedded:` URLs mean, on the server of the project.
EMBEDDED_DATABASE = "salacia"

SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*")
"""What PostgreSQL takes as the name of a setting."""

_SCHEMES = ("postgresql", "postgres", "embedded")


class SalaciaError(Exception):
    """The root of every error that salacia_db raises on its own account.

    `retry_safe` says whether what failed can simply be run again, the whole unit of work or the
    lone statement, without the risk that it happens twice.
    """

    retry_safe: bool = False


class ConfigurationError(SalaciaError, ValueError):
    """The configuration can't be used: no URL, a wrong one, an unknown or impossible setting.

    The message says which, and what to write instead. It never shows a password.
    """


class PoolSettings(Struct, frozen=True, kw_only=True, gc=False):
    """How many connections there are, and how long one waits for them. Times are seconds.

    The defaults are those of production.
    """

    max: int = 5
    """At most this many connections are open at once."""
    min: int = 0
    """So many stay open however long they idle."""
    acquire: float = 30.0
    """A caller waits so long for a connection, then gets `PoolTimeout`."""
    idle: float = 10.0
    """A connection beyond `min` that nobody has used for so long is closed."""
    lifetime: float = 3600.0
    """A connection is closed and replaced at this age, give or take a tenth."""
    check: float | None = 30.0
    """A connection that has idled for so long is asked for a sign of life; None: never."""
    leak: float | None = 300.0
    """A connection that is held for longer is reported to the logger `salacia_db.pool`."""


class DatabaseSettings(Struct, frozen=True, kw_only=True):
    """Everything that `connect()` goes by. Times are seconds."""

    url: str
    profile: Profile = "development"
    pool: PoolSettings = PoolSettings()
    timeout: float | None = 30.0
    """A statement's deadline, COMMIT's too; None: wait for ever."""
    connect_timeout: float = 10.0
    """The deadline of opening one connection."""
    close_timeout: float = 10.0
    """`close()` waits so long for what is in use, then ends it."""
    hook_timeout: float = 30.0
    """The deadline of each hook that runs after the commit or the rollback."""
    batch_queue: int = 10_000
    """So many calls of a `-- batch` statement may queue; the next gets `QueueFull`."""
    prepared_statements: int = 256
    """So many prepared statements are held per connection; the least used goes first."""
    require_settings: tuple[str, ...] = ()
    """Settings, such as `app.tenant`, without which nothing runs: each unit of work gives them."""
    pooler: Literal["transaction"] | None = None
    """What stands before the server: a pooler that lends its connections for a transaction."""
    log_statements: bool = False
    """Whether names and durations (never values) go to the logger `salacia_db.statements`."""
    measure: bool = False
    """Whether `db.stats()` tells calls, errors and times of each statement."""
    slow_statements: float | None = None
    """Calls that took longer go to the logger `salacia_db.slow`, by name."""
    slow_plans: bool = False
    """Whether their plans are asked for, and logged there, too."""
    telemetry: bool | None = None
    """Whether to tell OpenTelemetry; None: where the program has set it up before."""
    application_name: str = "salacia_db"
    """What pg_stat_activity and the server's log call us."""
    max_rows: int | None = None
    """A query for a list raises `TooManyRows` where there are more; None: no limit."""
    search_path: tuple[str, ...] | Literal["generated", "server"] = "generated"
    """Where names without a schema are looked for: in these schemas, or in those in which the
    generator found them, or where the server says."""
    role_check: Literal["warn", "refuse", "off"] = "warn"
    """What is done about a role that row-level security doesn't hold for, and the like."""

    def __repr__(self) -> str:
        shown = [f"url={self.location!r}"]
        names = [name for name in self.__struct_fields__ if name != "url"]
        shown += [f"{name}={getattr(self, name)!r}" for name in names]
        return f"DatabaseSettings({', '.join(shown)})"

    __str__ = __repr__

    @property
    def location(self) -> str:
        """The URL without user, password and options: fit for messages."""
        return _location(self.url)

    @property
    def fetch_limit(self) -> int:
        """How many rows to ask for where `max_rows` counts: one more tells of others. 0: all."""
        return 0 if self.max_rows is None else self.max_rows + 1

    @property
    def embedded(self) -> bool:
        """Whether the URL asks for the embedded server."""
        return self.url.startswith("embedded:")


class Overrides(TypedDict, total=False):
    """The settings that `connect()` takes by keyword; a profile gives the others."""

    pool: PoolSettings
    pool_max: int
    pool_min: int
    pool_acquire: float
    pool_idle: float
    pool_lifetime: float
    pool_check: float | None
    pool_leak: float | None
    timeout: float | None
    connect_timeout: float
    close_timeout: float
    hook_timeout: float
    batch_queue: int
    prepared_statements: int
    require_settings: tuple[str, ...]
    pooler: Literal["transaction"] | None
    log_statements: bool
    measure: bool
    slow_statements: float | None
    slow_plans: bool
    telemetry: bool | None
    application_name: str
    max_rows: int | None
    search_path: tuple[str, ...] | Literal["generated", "server"]
    role_check: Literal["warn", "refuse", "off"]


# Production is the defaults. Elsewhere a person waits: fail sooner.
_PROFILES: dict[str, Overrides] = {
    "development": {
        "pool_acquire": 10.0,
        "pool_idle": 60.0,
        "pool_leak": 60.0,
        "role_check": "off",
    },
    "test": {
        "pool_acquire": 5.0,
        "pool_leak": 60.0,
        "timeout": 10.0,
        "close_timeout": 2.0,
        "role_check": "off",
    },
    "production": {},
}


def load_settings(
    url: str | None = None,
    *,
    profile: str | None = None,
    environment: Mapping[str, str] = os.environ,
    **overrides: Any,
) -> DatabaseSettings:
    """The settings: the profile's, then the keywords'. Starts nothing and connects to nothing.

    `url` is by default `DATABASE_URL`, `profile` `SALACIA_PROFILE`, else development. Raises
    `ConfigurationError`.
    """
    name = profile or environment.get("SALACIA_PROFILE") or "development"
    if name not in _PROFILES:
        source = "profile" if profile else "SALACIA_PROFILE"
        raise ConfigurationError(
            f"{source} is {name!r}: it is one of {', '.join(_PROFILES)}" + _hint(name, _PROFILES)
        )
    known = Overrides.__annotations__
    for key in overrides:
        if key not in known:
            raise ConfigurationError(
                f"there is no setting {key!r}"
                + _hint(f"pool_{key}" if f"pool_{key}" in known else key, known)
                + f"; the settings are {', '.join(sorted(known))}"
            )
    merged: dict[str, Any] = {**_PROFILES[name], **overrides}
    return _build(check_url(url or environment.get("DATABASE_URL")), name, merged)


def check_url(url: str | None) -> str:
    """The URL, if it can be one of a database. Raises `ConfigurationError`."""
    if not url:
        raise ConfigurationError(
            "no database is configured: set DATABASE_URL to postgresql://user@host:5432/name, or "
            "pass a URL to connect(); for a server of this project's own, which is started when "
            "needed, say embedded: in either place"
        )
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in _SCHEMES:
        raise ConfigurationError(_bad_scheme(scheme if colon else ""))
    if scheme == "embedded":
        if rest and (not rest.startswith("///") or rest == "///"):
            raise ConfigurationError(
                "an embedded: URL is embedded: or embedded:///absolute/path/of/its/data/folder"
            )
        return url
    if not rest.startswith("//"):
        raise ConfigurationError(f"the database URL must begin with {scheme}://")
    _check_hosts(url)
    return url


def _bad_scheme(scheme: str) -> str:
    said = "the database URL must begin with postgresql:// (or be embedded:)"
    base = scheme.partition("+")[0]
    if base in ("postgresql", "postgres"):
        return f"{said}; it says {base}+…: leave out the + and the driver's name"
    # Without a known scheme, what stands before the first colon may be anything, a password even.
    close = _closest(scheme, _SCHEMES)
    return f"{said}; did you mean {close[0]}:?" if close else said


def _check_hosts(url: str) -> None:
    netloc, query = _split(url)
    credentials = netloc.rpartition("@")[0]
    if "@" in credentials:
        # The driver would take what follows the first for the host, and ask for its address.
        raise ConfigurationError("an @ in the database URL's user or password is written as %40")
    if any("=" not in field for field in filter(None, query.split("&"))):
        raise ConfigurationError("the database URL's options are written as ?name=value&name=value")
    for host in netloc.rpartition("@")[2].split(","):
        port = host.rpartition("]")[2].partition(":")[2]
        if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ConfigurationError(
                "the port in the database URL is not a number from 1 to 65535"
                + ("" if "@" in netloc else "; a password must be percent-encoded")
            )


# %0A in a URL's path must not begin a line of its own in a log.
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160), 0x2028, 0x2029), "?")


def _split(url: str) -> tuple[str, str]:
    """Host (with credentials) and options. Raises `ConfigurationError`."""
    with suppress(ValueError):
        parts = urlsplit(url)
        return parts.netloc, parts.query
    # Not in a handler: the other error quotes the URL.
    raise ConfigurationError("the host in the database URL is malformed")


def _location(url: str) -> str:
    if url.startswith("embedded:"):
        return url
    parts = urlsplit(url)
    host, path = parts.netloc.rpartition("@")[2], unquote(parts.path)
    return f"{parts.scheme}://{host}{path}".translate(_CONTROLS)


# What other pools call it.
_ELSEWHERE = {
    **dict.fromkeys(("size", "max_size", "maxsize", "max_overflow", "pool_size"), "pool_max"),
    **dict.fromkeys(("pool_max_size", "max_connections"), "pool_max"),
    **dict.fromkeys(("min_size", "minsize", "pool_min_size", "min_connections"), "pool_min"),
    **dict.fromkeys(("pool_timeout", "acquire_timeout"), "pool_acquire"),
    **dict.fromkeys(("pool_recycle", "max_lifetime"), "pool_lifetime"),
}


def _hint(word: str, known: Mapping[str, object]) -> str:
    if _ELSEWHERE.get(word) in known:
        return f"; did you mean {_ELSEWHERE[word]!r}?"
    close = [name for name in known if name.startswith(word)] if word else []
    close = close or _closest(word, known)
    return f"; did you mean {close[0]!r}?" if close else ""


def _closest(word: str, known: Iterable[str]) -> list[str]:
    # Imported late: a program without mistakes needs it never.
    from difflib import get_close_matches

    return get_close_matches(word, known, n=1)


def _build(url: str, profile: str, merged: dict[str, Any]) -> DatabaseSettings:
    pool = merged.pop("pool", PoolSettings())
    if not isinstance(pool, PoolSettings):
        raise ConfigurationError("pool must be a PoolSettings; or use pool_max, pool_min and so on")
    changes = {k.removeprefix("pool_"): merged.pop(k) for k in list(merged) if k[:5] == "pool_"}
    try:
        sized = msgspec.convert({**msgspec.structs.asdict(pool), **changes}, PoolSettings)
        settings = msgspec.convert(
            {"url": url, "profile": profile, **merged, "pool": sized}, DatabaseSettings
        )
    except msgspec.ValidationError as error:
        # msgspec names the type and the place, not the value.
        raise ConfigurationError(f"a setting has the wrong type: {error}") from None
    _check_ranges(settings)
    return settings


def _check_ranges(settings: DatabaseSettings) -> None:
    pool = settings.pool
    if pool.max < 1:
        raise ConfigurationError(f"pool_max is {pool.max}: there must be at least 1 connection")
    if not 0 <= pool.min <= pool.max:
        raise ConfigurationError(f"pool_min is {pool.min}: it lies between 0 and pool_max")
    if settings.batch_queue < 1:
        raise ConfigurationError("batch_queue must be at least 1")
    if settings.prepared_statements < 1:
        raise ConfigurationError("prepared_statements must be at least 1")
    if settings.pooler and not isinstance(settings.search_path, str):
        raise ConfigurationError(
            "search_path can't be given through a pooler in transaction mode, which has sessions "
            "of its own: set it for the role"
        )
    for name in settings.require_settings:
        if not SETTING_NAME.fullmatch(name):
            raise ConfigurationError(
                f"require_settings has {name!r}, which is no name of a setting; write it like "
                "('app.tenant',)"
            )
    if settings.slow_plans and settings.slow_statements is None:
        raise ConfigurationError("slow_plans needs slow_statements: the seconds that are slow")
    if settings.slow_plans and settings.pooler:
        raise ConfigurationError(
            "slow_plans needs sessions of its own: it can't be had through a pooler in transaction "
            "mode"
        )
    if settings.max_rows is not None and settings.max_rows < 1:
        raise ConfigurationError("max_rows must be at least 1, or None for no limit")
    times = {
        "pool_acquire": pool.acquire,
        "pool_idle": pool.idle,
        "pool_lifetime": pool.lifetime,
        "pool_check": pool.check,
        "pool_leak": pool.leak,
        "timeout": settings.timeout,
        "connect_timeout": settings.connect_timeout,
        "close_timeout": settings.close_timeout,
        "hook_timeout": settings.hook_timeout,
        "slow_statements": settings.slow_statements,
    }
    for name, seconds in times.items():
        # Written this way round so that NaN fails, too.
        if seconds is not None and not seconds > 0:
            raise ConfigurationError(f"{name} is {seconds}: it must be more than 0 seconds")
