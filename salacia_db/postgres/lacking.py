"""What a server may lack, the embedded one above all, and what to do then."""

import re

_EXTENSION = re.compile(
    r'extension "(.*)" is not available|extension control file "(?:.*/)?(.*)\.control"'
)
_BUILD = re.compile(
    r"ICU is not supported|unsupported XML|compression method|built with \w+ support"
    r'|collation "[^"]*" for encoding'
)
_UUIDS = ("pgcrypto", "uuid-ossp")
_NO_NEED = "gen_random_uuid() is built in and needs no extension"


def advice(message: str) -> str | None:
    """What to do about an error of this text, if something is missing on the server."""
    extension = _EXTENSION.search(message)
    if extension is not None:
        name = extension[1] or extension[2]
        text = f"install {name} on the server, or name one that has it with --database-url"
        return f"{text}; {_NO_NEED}" if name in _UUIDS else text
    if _BUILD.search(message):
        return "the embedded server hasn't got it: name one that has, with --database-url"
    return _NO_NEED if "function uuid_generate_v4()" in message else None
