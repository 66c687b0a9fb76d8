"""The validation checklist of the gateway's first data layer, one test for each line of it.

    - Database connection establishes successfully
    - All CRUD operations work on all models
    - Hooks are triggered on model updates
    - Service layer returns correct data formats
    - API endpoints function correctly
    - Statistics and aggregation queries work
    - Error handling behaves consistently

By category: `pytest -m "crud or hooks or services"`. Each has its reference in the tests beside
this one, which go further.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

import salacia
from salacia_db.gateway import (
    Conflict,
    MessageFilter,
    Missing,
    NewProvider,
    ProviderPatch,
    health,
    logging,
    messages,
    metadata,
    providers,
    statistics,
)
from salacia_db.gateway.http import create_app
from salacia_db.runtime import (
    After,
    Before,
    CheckViolation,
    ConfigurationError,
    ConnectionFailed,
    DatabaseSettings,
    Hooks,
    InvalidArgument,
    InvalidCursor,
    NotFound,
    SalaciaError,
    Secret,
    UniqueViolation,
    Updating,
    uuid7,
)

# --- Database connection establishes successfully -------------------------------------------------


@pytest.mark.connection
async def test_database_connection_establishes_successfully(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    async with salacia.connect() as db:
        assert await db.health_checks.ping() == 1
        assert isinstance(db.settings, DatabaseSettings)
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        salacia.connect()
    with pytest.raises(ConnectionFailed):
        await salacia.connect("postgresql://127.0.0.1:1/none", profile="test").open()


# --- All CRUD operations work on all models -------------------------------------------------------


@pytest.mark.crud
class TestAllCrudOperationsWorkOnAllModels:
    async def test_system_metadata(self, db: salacia.Database) -> None:
        table = db.system_metadata
        made = await table.set(key="k", value="1")
        assert await table.get(key="k") == made
        changed = await table.set(key="k", value="2")
        assert (changed.id, changed.value, changed.updated_at > made.updated_at) == (
            made.id,
            "2",
            True,
        )
        assert await table.delete(key="k") == changed
        assert await table.get(key="k") is None

    async def test_api_request(self, db: salacia.Database) -> None:
        table = db.api_requests
        made = await table.create(method="GET", path="/api/messages", headers={"accept": "*/*"})
        assert await table.get(id=made.id) == made
        changed = await table.answer(
            id=made.id, status_code=200, response_time_ms=3, response_size_bytes=5
        )
        assert changed is not None
        assert (changed.path, changed.status_code) == (made.path, 200)
        assert await table.delete(id=made.id) == changed
        assert await table.get(id=made.id) is None

    async def test_health_check(self, db: salacia.Database) -> None:
        table = db.health_checks
        made = await table.create(status="degraded", database_status=True, response_time_ms=900)
        assert await table.get(id=made.id) == made
        changed = await table.annotate(id=made.id, details={"cause": "a backup"})
        assert changed is not None
        assert changed.details == {"cause": "a backup"}
        assert await table.delete(id=made.id) == changed
        assert await table.get(id=made.id) is None

    async def test_ai_provider(self, db: salacia.Database) -> None:
        table = db.ai_providers
        made = await table.create(name="OpenAI", type="openai", api_key="sk-1")
        assert await table.get(id=made.id) == made
        changed = await table.update(id=made.id, base_url="https://api.example")
        assert changed is not None
        assert (changed.name, changed.base_url) == ("OpenAI", "https://api.example")
        assert await table.delete(id=made.id) == changed
        assert await table.get(id=made.id) is None

    async def test_ai_interaction(self, db: salacia.Database) -> None:
        table = db.ai_interactions
        made = await table.create(model="gpt-4", request={"prompt": "Hello"})
        assert await table.get(id=made.id) == made
        changed = await table.complete(id=made.id, response={"completion": "Hi there!"})
        assert changed is not None
        assert (changed.request, changed.response) == (made.request, {"completion": "Hi there!"})
        assert await table.delete(id=made.id) == changed
        assert await table.get(id=made.id) is None


# --- Hooks are triggered on model updates ---------------------------------------------------------


@pytest.mark.hooks
async def test_hooks_are_triggered_on_model_updates(url: str) -> None:
    hooks, heard = Hooks(), []

    @hooks.before_update()
    def being_updated(event: Before[Any]) -> None:
        heard.append(f"before {event.model.__name__}")

    @hooks.after_update()
    def updated(event: After[Any]) -> None:
        heard.append(f"after {event.model.__name__}")

    @hooks.after_commit()
    def committed(event: After[Any]) -> None:
        heard.append(f"committed {event.model.__name__}")

    async with salacia.connect(url, profile="test") as quiet:
        provider = await quiet.ai_providers.create(name="p", type="ollama")
        request = await quiet.api_requests.create(method="GET", path="/")
        check = await quiet.health_checks.create(
            status="healthy", database_status=True, response_time_ms=1
        )
        interaction = await quiet.ai_interactions.create(model="m", request={})
        await quiet.system_metadata.set(key="k", value="1")
    async with salacia.connect(url, profile="test", hooks=hooks) as db:
        for model, update in (
            ("AiInteraction", db.ai_interactions.complete(id=interaction.id, response={})),
            ("AiProvider", db.ai_providers.update(id=provider.id, name="q")),
            ("AiProvider", db.ai_providers.set_default(id=provider.id)),
            (
                "ApiRequest",
                db.api_requests.answer(
                    id=request.id, status_code=200, response_time_ms=1, response_size_bytes=1
                ),
            ),
            ("HealthCheck", db.health_checks.annotate(id=check.id, details={})),
            ("SystemMetadata", db.system_metadata.set(key="k", value="2")),
        ):
            heard.clear()
            await update
            assert heard == [f"before {model}", f"after {model}", f"committed {model}"]


@pytest.mark.hooks
async def test_hooks_may_change_or_refuse_and_hear_of_no_rollback(url: str) -> None:
    hooks, committed = Hooks(), []

    @hooks.before_update(salacia.AiProvider)
    def tidy(event: Updating[salacia.AiProvider]) -> None:
        name = event.arguments["name"].strip()
        if not name:
            raise ValueError("a provider needs a name")
        event.arguments["name"] = name

    hooks.after_commit(salacia.AiProvider)(lambda event: committed.append(event.statement))
    async with salacia.connect(url, profile="test", hooks=hooks) as db:
        made = await db.ai_providers.create(name="p", type="ollama")
        committed.clear()
        changed = await db.ai_providers.update(id=made.id, name=" q ")
        assert changed is not None
        assert (changed.name, committed) == ("q", ["ai_providers.update"])
        with pytest.raises(ValueError, match="a provider needs a name"):
            await db.ai_providers.update(id=made.id, name=" ")
        async with db.unit_of_work() as uow:
            await uow.ai_providers.update(id=made.id, name="r")
            await uow.rollback()
        assert (await providers.get(db, made.id)).name == "q"
        assert committed == ["ai_providers.update"]


# --- Service layer returns correct data formats ---------------------------------------------------


def shape(value: Any) -> Any:
    """What JSON makes of it: names and types."""
    value = msgspec.to_builtins(value, enc_hook=str)
    return {name: type(field).__name__ for name, field in value.items()}


@pytest.mark.services
async def test_service_layer_returns_correct_data_formats(db: salacia.Database) -> None:
    new = NewProvider(name="OpenAI", type="openai", api_key=Secret("sk-1"), is_default=True)
    provider = await providers.create(db, new)
    id = await logging.interaction(  # noqa: A001
        db,
        model="gpt-4",
        request={"prompt": "Hello"},
        response={"completion": "Hi there!", "usage": {"input_tokens": 4, "output_tokens": 6}},
        provider_id=provider.id,
        status_code=200,
        response_time_ms=250,
    )

    page = await messages.page(db, MessageFilter(model="gpt-4"), page=1, limit=20)
    assert shape(page) == {
        "items": "list",
        "page": "int",
        "limit": "int",
        "total": "int",
        "totalPages": "int",
        "hasNext": "bool",
        "hasPrevious": "bool",
        "statistics": "dict",
    }
    (message,) = page.items
    assert (message.id, message.provider_name, message.is_success) == (id, "OpenAI", True)
    assert (message.request_preview, message.total_tokens) == ("Hello", 10)

    listed = await messages.browse(db, limit=1)
    assert shape(listed) == {
        "items": "list",
        "hasMore": "bool",
        "nextCursor": "NoneType",
        "previousCursor": "NoneType",
    }
    assert listed.items == page.items

    detail = await messages.get(db, str(id))
    assert isinstance(detail, salacia.MessageDetail)
    assert detail.response["completion"] == "Hi there!"

    found = await providers.search(db)
    assert shape(found) == {"items": "list", "total": "int"}
    assert found.items == [provider]
    assert "sk-1" not in repr(found)

    check = await health.check(db)
    assert shape(check) == {
        "id": "str",
        "status": "str",
        "database_status": "bool",
        "response_time_ms": "int",
        "details": "NoneType",
        "created_at": "str",
    }
    assert isinstance(await metadata.put(db, "schema.version", "8"), salacia.SystemMetadata)


# --- API endpoints function correctly -------------------------------------------------------------


@pytest.mark.endpoints
async def test_api_endpoints_function_correctly(url: str) -> None:
    database = salacia.connect(url, profile="test")
    app = create_app(database)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost/api"
        ) as http,
    ):

        async def ask(method: str, path: str, status: int = 200, **options: Any) -> Any:
            answer = await http.request(method, path, **options)
            assert answer.status_code == status, answer.text
            return answer.json() if answer.content else None

        assert (await ask("GET", "/health"))["status"] == "healthy"

        new = {"name": "OpenAI", "type": "openai", "apiKey": "sk-very-secret"}
        provider = await ask("POST", "/providers", 201, json=new)
        at = f"/providers/{provider['id']}"
        assert (provider["name"], provider["hasApiKey"]) == ("OpenAI", True)
        assert "sk-very-secret" not in str(provider)
        assert await ask("GET", at) == provider
        assert await ask("GET", "/providers?type=openai") == {"items": [provider], "total": 1}
        assert (await ask("PATCH", at, json={"baseUrl": "https://a.example"}))["baseUrl"]
        assert (await ask("POST", f"{at}/default"))["isDefault"]

        for tokens in (10, 20):
            body = {
                "model": "gpt-4",
                "request": {"prompt": "Hello"},
                "response": {"completion": "Hi there!", "usage": {"input_tokens": tokens}},
                "providerId": provider["id"],
                "statusCode": 200,
            }
            recorded = await ask("POST", "/messages", 201, json=body)
        listed = await ask("GET", "/messages?limit=1&failed=false&sort=newest")
        assert [m["id"] for m in listed["items"]] == [recorded["id"]]
        assert (listed["hasMore"], listed["items"][0]["responsePreview"]) == (True, "Hi there!")
        rest = await ask(
            "GET", f"/messages?limit=1&failed=false&sort=newest&after={listed['nextCursor']}"
        )
        assert (rest["items"][0]["totalTokens"], rest["hasMore"]) == (10, False)
        message = await ask("GET", f"/messages/{recorded['id']}")
        assert (message["request"], message["providerName"]) == (body["request"], "OpenAI")

        dashboard = await ask("GET", "/statistics")
        assert dashboard["periods"]["last5Minutes"]["totalTokens"] == 30
        assert len(dashboard["hourly"]) == 24
        assert (await ask("GET", "/statistics/summary?minTokens=20"))["total"] == 1

        for method, path, status, json in (
            ("GET", "/messages/42", 400, None),
            ("GET", "/messages?limit=1000", 400, None),
            ("GET", "/messages?after=nonsense", 400, None),
            ("GET", f"/messages/{uuid7()}", 404, None),
            ("GET", f"/providers/{uuid7()}", 404, None),
            ("POST", "/providers", 400, {"name": "", "type": "openai"}),
            ("POST", "/providers", 400, {"name": "x", "type": "openai"}),
            ("POST", "/providers", 409, new),
            ("DELETE", at, 409, None),
        ):
            failed = await ask(method, path, status, json=json)
            assert list(failed) == ["error"], (method, path)
            assert "sk-very-secret" not in failed["error"]
        other = await ask("POST", "/providers", 201, json={"name": "Local", "type": "ollama"})
        assert await ask("DELETE", f"/providers/{other['id']}", 204) is None


# --- Statistics and aggregation queries work ------------------------------------------------------


@pytest.mark.statistics
async def test_statistics_and_aggregation_queries_work(db: salacia.Database) -> None:
    async def record(ago: timedelta, **values: Any) -> None:
        values = {"model": "gpt-4", "request": {}, "status_code": 200} | values
        await db.ai_interactions.create(created_at=datetime.now(UTC) - ago, **values)

    await record(timedelta(0), total_tokens=10, response_time_ms=100)
    await record(timedelta(minutes=1), total_tokens=20, response_time_ms=300)
    await record(timedelta(hours=2), model="claude-3", error="timeout", status_code=None)
    await record(timedelta(days=3), model="llama3", status_code=500)

    overall = await statistics.summary(db)
    assert (overall.total, overall.successful, overall.failed) == (4, 2, 2)
    assert (overall.success_rate, overall.total_tokens) == (50, 30)
    assert (overall.average_response_time_ms, overall.distinct_models) == (200, 3)
    assert overall.most_used_model == "gpt-4"
    assert (await statistics.summary(db, MessageFilter(failed=True))).total == 1

    dashboard = await statistics.dashboard(db)
    periods = dashboard.periods
    assert periods.overall == overall
    assert (periods.last_5_minutes.total, periods.last_24_hours.total) == (2, 3)
    assert len(dashboard.hourly) == 24
    assert sum(hour.total for hour in dashboard.hourly) == 3
    assert sum(hour.failed for hour in dashboard.hourly) == 1
    assert [model.model for model in dashboard.top_models] == ["gpt-4", "claude-3"]


# --- Error handling behaves consistently ----------------------------------------------------------


@pytest.mark.errors
async def test_error_handling_behaves_consistently(db: salacia.Database) -> None:
    taken = await providers.create(db, NewProvider(name="taken", type="ollama", is_default=True))
    other = await providers.create(db, NewProvider(name="other", type="ollama"))
    nobody = uuid7()

    def failures(queries: salacia.Queries) -> list[tuple[Any, type[SalaciaError]]]:
        return [
            (messages.get(queries, "42"), InvalidArgument),
            (messages.get(queries, nobody), Missing),
            (messages.browse(queries, limit=1000), InvalidArgument),
            (messages.browse(queries, after="nonsense"), InvalidCursor),
            (providers.get(queries, nobody), Missing),
            (providers.create(queries, NewProvider(name="", type="ollama")), InvalidArgument),
            (providers.create(queries, NewProvider(name="x", type="openai")), InvalidArgument),
            (providers.create(queries, NewProvider(name="taken", type="ollama")), UniqueViolation),
            (providers.update(queries, other.id, ProviderPatch(name="taken")), UniqueViolation),
            (providers.update(queries, nobody, ProviderPatch(name="x")), Missing),
            (providers.delete(queries, taken.id), Conflict),
            (providers.delete(queries, nobody), Missing),
            (providers.set_default(queries, nobody), Missing),
            (metadata.get(queries, "nothing"), Missing),
            (
                queries.ai_interactions.create(model="m", request={}, total_tokens=-1),
                CheckViolation,
            ),
        ]

    assert issubclass(Missing, NotFound)
    for call, expected in failures(db):
        with pytest.raises(SalaciaError) as caught:
            await call
        assert type(caught.value) is expected
    # In a unit of work it is the same error, and a nested unit keeps it from spoiling the rest.
    async with db.unit_of_work() as uow:
        calls = failures(uow)
        for call, expected in calls:
            with pytest.raises(SalaciaError) as caught:
                async with uow.unit_of_work():
                    await call
            assert type(caught.value) is expected
        await metadata.put(uow, "still", "here")
    assert (await metadata.get(db, "still")).value == "here"
    # And where nothing may be raised, nothing is.
    assert await logging.interaction(db, model="m", request={}, id=taken.id) == taken.id
