"""Data folders: made by initdb, or copied from one that initdb made before."""

import hashlib
import os
import platform
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from salacia_db.postgres.account import Account, give, spawn_as
from salacia_db.postgres.binaries import Binaries
from salacia_db.postgres.errors import PostgresError

SUPERUSER = "postgres"
"""The role that owns every server started here."""

# LC_CTYPE decides what a letter is for pg_trgm and text search: "C" would lose all but ASCII.
_CTYPES = ("C.UTF-8", "en_US.UTF-8", "C")


def environment() -> dict[str, str]:
    """The environment for PostgreSQL's programs: no PG* variable of the caller reaches them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    # TZ spares initdb its search for the time zone; macOS needs LC_ALL to be valid.
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def initialise(binaries: Binaries, account: Account | None, data: Path, *, durable: bool) -> None:
    """Runs initdb: UTF-8, UTC, a locale that is the same everywhere. `data` is an empty folder.

    Connections need no password: the only way in is a socket in a folder that only the owner of the
    data can enter. Without `durable` nothing is made safe against a power cut.
    """
    complaint = ""
    for ctype in _CTYPES:
        done = subprocess.run(
            [binaries.program("initdb"), *_options(binaries, ctype, durable), "-D", str(data)],
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            env=environment(),
            **spawn_as(account),
        )
        if done.returncode == 0:
            return
        complaint = done.stderr.strip()
        if "locale" not in complaint:
            break
    raise PostgresError(f"initdb failed in {data}: {complaint}")


def initialise_scratch(binaries: Binaries, account: Account | None, data: Path) -> bool:
    """Fills the empty folder `data`: from the user's cache, or by initdb, which fills the cache.

    True where it came from the cache.
    """
    cached = _cached_cluster(binaries)
    if cached is not None and (cached / "PG_VERSION").exists():
        shutil.copytree(cached, data, dirs_exist_ok=True)
        give(data, account)
        return True
    initialise(binaries, account, data, durable=False)
    if cached is not None:
        _keep(data, cached)
    return False


def discard_cached(binaries: Binaries) -> None:
    """Forgets the ready cluster of these programs."""
    cached = _cached_cluster(binaries)
    if cached is not None:
        shutil.rmtree(cached, ignore_errors=True)


def _options(binaries: Binaries, ctype: str, durable: bool) -> list[str]:
    options = [
        f"--username={SUPERUSER}",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        f"--lc-ctype={ctype}",
    ]
    if binaries.major >= 17:
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if not durable:
        options.append("--no-sync")
        if binaries.major >= 18:
            options.append("--no-data-checksums")
    return options


def _cached_cluster(binaries: Binaries) -> Path | None:
    """Where the ready cluster of these programs is kept; None where nothing can be kept."""
    folder = cache_folder()
    if folder is None:
        return None
    made_with = [binaries.version, platform.machine(), *_options(binaries, _CTYPES[0], False)]
    key = hashlib.sha256("\0".join(made_with).encode()).hexdigest()[:12]
    return folder / f"cluster-{binaries.version}-{key}"


def cache_folder() -> Path | None:
    """A folder of this user's own to keep things in; None where there is none."""
    below_home = "Library/Caches" if sys.platform == "darwin" else ".cache"
    places = [
        os.environ.get("XDG_CACHE_HOME", ""),
        os.path.join(os.environ.get("HOME", ""), below_home),
        os.path.join(_registered_home(), below_home),
    ]
    for place in places:
        folder = Path(place) / "salacia"
        try:
            # Under sudo, HOME and its like may still be the caller's: nothing of root's goes there.
            if not folder.is_absolute() or not _is_own(folder.parent.parent):
                continue
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_own(folder) and os.access(folder, os.W_OK):
                return folder
        except OSError:
            continue
    return None


def _registered_home() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return ""


def _is_own(folder: Path) -> bool:
    return folder.stat().st_uid == os.geteuid()


def _keep(data: Path, cached: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".new-", dir=cached.parent) as scratch:
        copy = Path(scratch) / "cluster"
        shutil.copytree(data, copy)
        copy.chmod(0o700)
        try:
            copy.rename(cached)
        except OSError:
            # Another process was faster; its cluster is as good.
            return
