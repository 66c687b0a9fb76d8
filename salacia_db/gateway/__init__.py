"""The Salacia gateway's own services, thin over the generated package `salacia`.

Each service is a module of functions that take a database, or a unit of work, first:

    from salacia_db.gateway import MessageFilter, messages, providers

    async with salacia.connect() as db:
        page = await messages.page(db, MessageFilter(model="gpt-4", failed=False), sort="slowest")
        async with db.unit_of_work() as uow:
            await providers.set_default(uow, provider_id)

What comes back are the generated structs, and a few of their own that hold them. What can't be done
raises the runtime's errors: `InvalidArgument`, `NotFound` (here `Missing`), `UniqueViolation`, and
`Conflict`, which is the gateway's own.
"""

from salacia_db.gateway import health, logging, messages, metadata, providers, statistics
from salacia_db.gateway.errors import Conflict, Missing
from salacia_db.gateway.messages import (
    InteractionWithProvider,
    MessageFilter,
    MessageList,
    MessagePage,
)
from salacia_db.gateway.providers import (
    NewProvider,
    ProviderFilter,
    ProviderList,
    ProviderPatch,
    ProviderWithInteractions,
)
from salacia_db.gateway.statistics import Dashboard, Periods

__all__ = [
    "Conflict",
    "Dashboard",
    "InteractionWithProvider",
    "MessageFilter",
    "MessageList",
    "MessagePage",
    "Missing",
    "NewProvider",
    "Periods",
    "ProviderFilter",
    "ProviderList",
    "ProviderPatch",
    "ProviderWithInteractions",
    "health",
    "logging",
    "messages",
    "metadata",
    "providers",
    "statistics",
]
