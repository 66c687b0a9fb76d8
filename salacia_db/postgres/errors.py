"""The error that this package raises for what a person can put right."""


class PostgresError(Exception):
    """No server could be found, started or reached. `hint` says what to do next."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message}\n  hint: {hint}")
        self.message = message
        self.hint = hint
