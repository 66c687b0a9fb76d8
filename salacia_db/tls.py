"""TLS: how much a server has to prove before anything is said to it. Imports nothing of ours."""

import os
import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

FULL = "verify-full"
HINT = (
    "beyond this machine a server must prove who it is: name the certificates to trust by "
    "sslrootcert=FILE in the URL, or say sslmode=disable (or =require) where the network is trusted"
)
_SYSTEM = "system"


def mode(url: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The `sslmode` that holds for a URL: what it says, or PGSSLMODE; else the strictest.

    None on this machine, where the driver may do as it likes. Where a service file may name the
    host, it counts as another machine.
    """
    query = _query(url)
    asked = query.get("sslmode") or environment.get("PGSSLMODE")
    return asked or (None if _is_local(url, query, environment) else FULL)


def root(url: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The file of certificates that are trusted, where one is named; None: those of the system."""
    found = _query(url).get("sslrootcert") or environment.get("PGSSLROOTCERT")
    if found is None:
        own = Path.home() / ".postgresql" / "root.crt" if environment.get("HOME") else None
        return str(own) if own is not None and own.is_file() else None
    return None if found == _SYSTEM else found


def driver_ssl(url: str) -> ssl.SSLContext | str | None:
    """What asyncpg's `ssl` has to be for this URL. None: it finds out by itself.

    Raises OSError and ssl.SSLError where a certificate of ours can't be read.
    """
    found = mode(url)
    if found != FULL:
        return None
    if root(url) is not None:
        return FULL
    context = ssl.create_default_context()
    query = _query(url)
    certificate = query.get("sslcert") or os.environ.get("PGSSLCERT")
    if certificate:
        key = query.get("sslkey") or os.environ.get("PGSSLKEY")
        context.load_cert_chain(certificate, key, query.get("sslpassword", ""))
    return context


def libpq_url(url: str) -> str:
    """The URL as libpq has to be given it."""
    if mode(url) != FULL:
        return url
    file = root(url) or ssl.get_default_verify_paths().cafile or _SYSTEM
    options = urlencode({"sslmode": FULL, "sslrootcert": file}, quote_via=quote)
    return f"{url}{'&' if urlsplit(url).query else '?'}{options}"


def _query(url: str) -> dict[str, str]:
    return {key: values[-1] for key, values in parse_qs(urlsplit(url).query).items()}


def _is_local(url: str, query: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    """Whether every host that the URL may lead to is this machine."""
    if query.get("service") or environment.get("PGSERVICE"):
        return False
    hosts = [
        *_hosts(unquote(urlsplit(url).netloc.rpartition("@")[2])),
        *_hosts(query.get("host", "")),
        *_hosts(query.get("hostaddr", "")),
    ]
    if not hosts:
        hosts = _hosts(environment.get("PGHOST", "")) + _hosts(environment.get("PGHOSTADDR", ""))
    return all(map(is_loopback, hosts))


def _hosts(listed: str) -> list[str]:
    return [_host(each) for each in listed.split(",") if each]


def _host(text: str) -> str:
    """A host without its port."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    # More than one colon: an IPv6 address without brackets, as `?host=` has it.
    return text if text.startswith("/") or text.count(":") > 1 else text.partition(":")[0]


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its mere name: a socket's folder, localhost, 127.0.0.0/8.

    Other names aren't looked up: whoever answers for them might lie.
    """
    if not host or host.startswith(("/", "@")) or host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
