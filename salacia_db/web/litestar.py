"""Litestar: a plugin that brings the unit of work, the answers to errors, and our types."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from litestar import Request, Response
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.plugins import InitPlugin, OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from salacia_db.runtime import Database, SalaciaError, Secret
from salacia_db.web.answers import answer_to
from salacia_db.web.lifespan import lifespan
from salacia_db.web.middleware import Scope, UnitOfWorkMiddleware, UnitOptions, current_unit, record
from salacia_db.web.values import decode_other, encode_other, is_secret, schema_of_other


class SalaciaPlugin(InitPlugin, OpenAPISchemaPlugin):
    """Opens the database with the application, and gives each request a unit of work.

    A handler gets it by naming an argument `uow`. `options` and `constraints` are those of
    `UnitOfWorkMiddleware`.
    """

    def __init__(
        self,
        database: Database[Any],
        *,
        options: Callable[[Scope], UnitOptions] | None = None,
        constraints: Mapping[str, str] | None = None,
    ) -> None:
        self.database = database
        self.options = options
        self.constraints = constraints or {}

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Called by Litestar."""
        config = cast("Any", app_config)  # Litestar leaves the type arguments of some fields open
        config.lifespan.append(lifespan(self.database))
        config.exception_handlers.setdefault(SalaciaError, self._answer)
        app_config.middleware.append(
            DefineMiddleware(
                UnitOfWorkMiddleware,  # type: ignore[arg-type]
                database=self.database,
                options=self.options,
                constraints=self.constraints,
            )
        )
        app_config.dependencies.setdefault("uow", Provide(current, sync_to_thread=False))
        app_config.type_encoders = {Secret: encode_other, **(app_config.type_encoders or {})}
        app_config.type_decoders = [
            *(app_config.type_decoders or ()),
            (is_secret, decode_other),
        ]
        return app_config

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        """Whether the schema of a type is ours to tell."""
        return is_secret(value)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """The schema of a secret."""
        return Schema(type=OpenAPIType.STRING, description=schema_of_other(Secret)["description"])

    def _answer(self, request: Request[Any, Any, Any], error: SalaciaError) -> Response[Any]:
        answer = answer_to(error, self.constraints)
        record(error, answer, request.method, request.url.path)
        return Response(
            {"error": answer.error},
            status_code=answer.status,
            headers=answer.headers,
            media_type="application/json",
        )


def current(request: Request[Any, Any, Any]) -> Any:
    """The unit of work of this request, as Litestar provides it."""
    return current_unit(request)
