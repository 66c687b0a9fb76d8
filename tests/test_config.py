"""Configuration: profiles, URLs, settings, and what is said of wrong ones."""

import subprocess
import sys

import msgspec
import pytest

from salacia_db.config import ConfigurationError, PoolSettings, load_settings

URL = "postgresql://someone:s3cret@db.example:6432/shop"


def load(url: str | None = URL, **settings):
    return load_settings(url, environment={}, **settings)


def test_production_has_the_pool_that_the_old_application_had() -> None:
    pool = load(profile="production").pool
    assert (pool.max, pool.min, pool.acquire, pool.idle) == (5, 0, 30.0, 10.0)


def test_development_is_the_profile_unless_another_is_named() -> None:
    assert load().profile == "development"
    assert load_settings(URL, environment={"SALACIA_PROFILE": "test"}).profile == "test"
    named = load_settings(URL, profile="production", environment={"SALACIA_PROFILE": "test"})
    assert named.profile == "production"


def test_the_url_comes_from_the_environment_unless_it_is_given() -> None:
    environment = {"DATABASE_URL": "postgresql:///other"}
    assert load_settings(environment=environment).url == "postgresql:///other"
    assert load_settings(URL, environment=environment).url == URL


@pytest.mark.parametrize("profile", ["development", "test", "production"])
@pytest.mark.parametrize("environment", [{}, {"DATABASE_URL": ""}])
def test_without_a_url_it_says_what_to_set(profile: str, environment: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"set DATABASE_URL .* embedded:"):
        load_settings(profile=profile, environment=environment)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost/db",
        "postgres://u:p@[::1]:5432/db?sslmode=disable",
        "postgresql:///db?host=/run/postgresql",
        "postgresql://a:5432,b:5433/db",
        "postgresql://u@/db",
        "embedded:",
        "embedded:///var/lib/data",
    ],
)
def test_good_urls_are_taken_as_they_are(url: str) -> None:
    assert load(url).url == url


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql+asyncpg://localhost/db", r"leave out the \+ and the driver's name"),
        ("mysql://localhost/db", r"must begin with postgresql://"),
        ("postgressql://localhost/db", r"did you mean postgresql:\?"),
        ("localhost:5432/db", r"must begin with postgresql://"),
        ("/some/path", r"must begin with postgresql://"),
        ("postgresql:db", r"must begin with postgresql://"),
        ("postgresql://localhost:54x2/db", r"port .* number from 1 to 65535"),
        ("postgresql://localhost:0/db", r"port .* number from 1 to 65535"),
        ("postgresql://localhost:70000/db", r"port .* number from 1 to 65535"),
        ("postgresql://[::1/db", r"malformed"),
        ("postgresql://u:p@ss@h/db", r"written as %40"),
        ("postgresql://h/db?s3cret", r"\?name=value&name=value"),
        ("embedded://host/path", r"embedded:///absolute"),
        ("embedded:path", r"embedded:///absolute"),
    ],
)
def test_bad_urls_are_named(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://u:s3cret@h/db",
        "mysql://u:s3cret@h/db",
        "u:s3cret@h/db",
        "postgresql://u:s3cret@h:bad/db",
        "postgresql://u:s3cret/slash@h/db",
        "postgresql://u:s3cret@[h/db",
        "postgresql://u:s3cret@ss@h/db",
        "postgresql://h/db?s3cret",
        "postgresql://u:s3cret@h\u2100/db",
        "s3cret",
    ],
)
def test_a_password_shows_in_no_error(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(url)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_password_shows_in_no_repr() -> None:
    settings = load()
    assert settings.location == "postgresql://db.example:6432/shop"
    for text in (repr(settings), str(settings), f"{settings}"):
        assert "s3cret" not in text
        assert "db.example" in text


def test_keywords_overrule_the_profile() -> None:
    settings = load(profile="production", pool_max=20, pool_idle=5, timeout=None)
    assert settings.pool == PoolSettings(max=20, min=0, acquire=30.0, idle=5.0)
    assert settings.timeout is None
    assert load(pool=PoolSettings(max=3), pool_min=1).pool.max == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pool_mx": 3}, r"no setting 'pool_mx'; did you mean 'pool_max'\?"),
        ({"max": 3}, r"no setting 'max'; did you mean 'pool_max'\?"),
        ({"pool_size": 3}, r"no setting 'pool_size'; did you mean 'pool_max'\?"),
        ({"min_size": 3}, r"no setting 'min_size'; did you mean 'pool_min'\?"),
        ({"zzz": 3}, r"no setting 'zzz'; the settings are"),
        ({"pool_max": "3"}, r"wrong type.*pool.*max|wrong type.*max"),
        ({"log_statements": 1}, r"wrong type.*log_statements"),
        ({"pool_max": 0}, r"at least 1 connection"),
        ({"pool_max": 2, "pool_min": 3}, r"between 0 and pool_max"),
        ({"timeout": 0}, r"timeout is 0.* more than 0 seconds"),
        ({"timeout": float("nan")}, r"timeout is nan"),
        ({"pool_acquire": -1}, r"pool_acquire is -1"),
        ({"prepared_statements": 0}, r"prepared_statements"),
        ({"profile": "prod"}, r"profile is 'prod'.*did you mean 'production'\?"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(**settings)


def test_settings_can_not_be_changed_afterwards() -> None:
    assert msgspec.structs.asdict(load().pool)
    with pytest.raises(AttributeError):
        load().url = "x"  # type: ignore[misc]


def test_importing_the_package_loads_no_driver_and_no_generator() -> None:
    code = (
        "import salacia_db, salacia_db.config, sys;"
        "print(*[n for n in sys.modules if n.split('.')[0] in ('asyncpg', 'psycopg', 'yoyo')"
        " or n.startswith(('salacia_db.codegen', 'salacia_db.postgres'))])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == ""


def test_every_public_name_is_there() -> None:
    import salacia_db

    for name in salacia_db.__all__:
        assert hasattr(salacia_db, name)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        salacia_db.nonsense  # noqa: B018
