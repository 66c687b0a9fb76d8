"""The generated package's find and relations, on Salacia's own schema."""

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from salacia import AiInteraction, AiProvider, Database, Queries, tables
from salacia_db import Secret, uuid7

ROOT = Path(__file__).parents[2]
i, p = tables.ai_interactions, tables.ai_providers


async def two_providers(db: Queries) -> tuple[AiProvider, AiProvider]:
    return (
        await db.ai_providers.create(name="OpenAI", type="openai", api_key="sk-hush"),
        await db.ai_providers.create(name="Ollama", type="ollama", base_url="http://localhost"),
    )


async def ask(db: Queries, provider: AiProvider | None, *models: str) -> list[AiInteraction]:
    provider_id = None if provider is None else provider.id
    return [
        await db.ai_interactions.create(provider_id=provider_id, model=model, request={"n": model})
        for model in models
    ]


async def test_every_table_is_found_and_counted(db: Database) -> None:
    from salacia import models

    structs = [s for s in vars(models).values() if isinstance(s, msgspec.StructMeta)]
    rows = [s for s in structs if s.__module__ == "salacia.models"]
    assert rows
    for struct in rows:
        assert await db.find(struct) == []
        assert await db.find_one(struct) is None
        assert await db.count(struct) == 0


async def test_what_a_query_returns_is_what_find_finds(db: Database) -> None:
    openai, _ = await two_providers(db)
    assert await db.find_one(AiProvider, where=p.api_key == Secret("sk-hush")) == openai
    assert await db.find(AiProvider, where=p.type.in_(["openai", "groq"])) == [openai]
    async with db.unit_of_work() as uow:
        assert await uow.find_one(AiProvider, where=p.id == openai.id) == openai


async def test_providers_with_their_interactions(db: Database) -> None:
    openai, ollama = await two_providers(db)
    asked = await ask(db, openai, "gpt-4", "gpt-4o")
    await ask(db, None, "lost")
    newest = await db.relations.ai_providers.load_interactions(
        [ollama, openai], where=i.error.isnull(), order_by=i.created_at.desc(), limit=1
    )
    assert newest == [[], [asked[1]]]


async def test_interactions_with_their_provider(db: Database) -> None:
    openai, _ = await two_providers(db)
    asked = [*await ask(db, openai, "gpt-4"), *await ask(db, None, "lost")]
    assert await db.relations.ai_interactions.load_provider(asked) == [openai, None]
    async with db.unit_of_work() as uow:
        await uow.ai_providers.update(id=openai.id, name="Other")
        (provider,) = await uow.relations.ai_interactions.load_provider(asked[:1])
        assert provider is not None
        assert provider.name == "Other"


async def test_a_repeated_find_skips_the_reset(db: Database) -> None:
    for _ in range(3):
        await db.find(AiInteraction, where=i.id == uuid7())
    assert not any(connection.dirty for connection in db.pool.connections)


async def test_many_at_once_share_the_pool(db: Database) -> None:
    openai, _ = await two_providers(db)
    found = await asyncio.gather(
        *(db.count(AiProvider, where=p.name == name) for name in ["OpenAI", "x"] * 20)
    )
    assert found == [1, 0] * 20
    assert openai.name == "OpenAI"


TYPED = """
from typing import assert_type
from salacia import AiInteraction, AiProvider, Queries, tables

t = tables.ai_interactions

async def right(db: Queries) -> None:
    found = await db.find(AiInteraction, where=(t.model == "x") & (t.error != None))
    assert_type(found, list[AiInteraction])
    first = await db.find_one(AiInteraction, order_by=t.created_at.desc())
    assert_type(first, AiInteraction | None)
    assert_type(await db.count(AiInteraction, where=~t.total_tokens.in_([1, 2])), int)
    providers = await db.relations.ai_interactions.load_provider(found)
    assert_type(providers, list[AiProvider | None])
    lists = await db.relations.ai_providers.load_interactions([p for p in providers if p])
    assert_type(lists, list[list[AiInteraction]])
"""
WRONG = [
    "await db.find(AiInteraction, where=t.model == 3)",
    't.created_at < "today"',
    't.total_tokens.between("a", "b")',
    't.total_tokens.like("1%")',
    "t.model.in_([1])",
    't.mode == "x"',
    "await db.find(AiInteraction, order_by=AiInteraction.model)",
    "await db.find(t)",
    "await db.relations.ai_interactions.load_provider([1])",
    "await db.find(AiInteraction, limit='1')",
]


@pytest.mark.parametrize("checker", ["mypy", "basedpyright"])
def test_type_checkers_know_what_fits(tmp_path: Path, checker: str) -> None:
    lines = [*TYPED.splitlines(), "", "async def wrong(db: Queries) -> None:"]
    lines += [f"    {line}" for line in WRONG]
    file = tmp_path / "typed.py"
    file.write_text("\n".join(lines) + "\n")
    strict = ["--strict", "--no-incremental"] if checker == "mypy" else ["--level", "error"]
    found = subprocess.run(
        [sys.executable, "-m", checker, *strict, str(file)],
        cwd=ROOT,
        env={"MYPYPATH": f"{ROOT}/generated", "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    first = len(lines) - len(WRONG) + 1
    told = {
        int(line.split(".py:")[1].split(":")[0]) for line in found.splitlines() if ".py:" in line
    }
    assert told == set(range(first, len(lines) + 1)), found
