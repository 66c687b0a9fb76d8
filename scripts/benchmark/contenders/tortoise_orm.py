"""Tortoise on asyncpg."""

from urllib.parse import parse_qs, urlsplit

from tortoise import Tortoise, fields
from tortoise.models import Model
from tortoise.signals import Signals
from tortoise.transactions import in_transaction

from benchmark.contender import CONNECTIONS, Contender, notice
from benchmark.models import NEW_PROVIDER, SLIM


class Provider(Model):
    id = fields.UUIDField(primary_key=True)
    name = fields.CharField(100, unique=True)
    type = fields.CharField(50)
    api_key = fields.TextField(null=True)
    base_url = fields.CharField(500, null=True)
    models = fields.JSONField(null=True)
    settings = fields.JSONField(null=True)
    is_active = fields.BooleanField(default=True)
    is_default = fields.BooleanField(default=False)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "ai_providers"


class Interaction(Model):
    id = fields.UUIDField(primary_key=True)
    provider = fields.ForeignKeyField(
        "models.Provider", null=True, on_delete=fields.SET_NULL, related_name="interactions"
    )
    model = fields.CharField(100)
    request = fields.JSONField()
    response = fields.JSONField(null=True)
    prompt_tokens = fields.IntField(null=True)
    completion_tokens = fields.IntField(null=True)
    total_tokens = fields.IntField(null=True)
    response_time_ms = fields.IntField(null=True)
    status_code = fields.IntField(null=True)
    error = fields.TextField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "ai_interactions"


def _newest(model):
    return Interaction.filter(model=model).order_by("-created_at").limit(20)


def _since(since):
    return Interaction.filter(created_at__gte=since).order_by("created_at", "id").limit(1000)


async def _write(connection, id, response_time_ms, completion_tokens):
    found = await Interaction.get(id=id, using_db=connection)
    found.response_time_ms = response_time_ms
    found.completion_tokens = completion_tokens
    await found.save(using_db=connection, update_fields=["response_time_ms", "completion_tokens"])
    return found


class Bench(Contender):
    async def open(self):
        url = urlsplit(self.url)
        query = {key: found[0] for key, found in parse_qs(url.query).items()}
        credentials = {
            "host": url.hostname or query.get("host"),
            "port": url.port or query.get("port", 5432),
            "user": url.username or query.get("user"),
            "password": url.password,
            "database": url.path[1:],
            "minsize": CONNECTIONS,
            "maxsize": CONNECTIONS,
        }
        await Tortoise.init(
            config={
                "connections": {
                    "default": {
                        "engine": "tortoise.backends.asyncpg",
                        "credentials": credentials,
                    }
                },
                "apps": {"models": {"models": [__name__], "default_connection": "default"}},
                "use_tz": True,
            }
        )

    async def close(self):
        await Tortoise.close_connections()

    async def get(self, id):
        return await Interaction.get_or_none(id=id)

    async def page(self, model):
        return await _newest(model).filter(error__isnull=True)

    async def slim(self, since):
        return await _since(since).only(*SLIM)

    async def full(self, since):
        return await _since(since)

    async def insert(self, row):
        return await Interaction.create(**row)

    async def insert_many(self, rows):
        await Interaction.bulk_create([Interaction(**row) for row in rows])

    async def update(self, id, response_time_ms, completion_tokens):
        return await _write(None, id, response_time_ms, completion_tokens)

    async def with_provider(self, model):
        return await _newest(model).select_related("provider")

    async def transaction(self, name, row):
        async with in_transaction() as connection:
            provider = await Provider.create(name=name, **NEW_PROVIDER, using_db=connection)
            await Interaction.create(**{**row, "provider_id": provider.id}, using_db=connection)

    async def counted_page(self, model):
        return await Interaction.filter(model=model).count(), await _newest(model)

    async def hooked(self, hooks, id, response_time_ms, completion_tokens):
        Interaction._listeners[Signals.post_save][Interaction] = [noticed] * hooks
        return await _write(None, id, response_time_ms, completion_tokens)

    async def unit(self, updates):
        async with in_transaction() as connection:
            for update in updates:
                await _write(connection, *update)


async def noticed(sender, instance, created, using_db, update_fields):
    await notice(instance)
