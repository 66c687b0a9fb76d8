"""The account that a server runs as: PostgreSQL refuses to run as root."""

import os
import pwd
from pathlib import Path
from typing import NamedTuple, TypedDict

from salacia_db.postgres.errors import PostgresError


class Account(NamedTuple):
    """An account of the operating system."""

    name: str
    uid: int
    gid: int


class SpawnAs(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that start a program as another account."""

    user: int
    group: int
    extra_groups: list[int]


def is_root() -> bool:
    """Whether this process may become, and may read the files of, any account."""
    return os.geteuid() == 0


def server_account(folder: Path | None = None) -> Account | None:
    """The account to start a server as; None is this process's own.

    Only root changes accounts: to the owner of `folder`, where that exists and isn't root's, else
    to one that owns nothing else. Raises `PostgresError` where there is none.
    """
    if not is_root():
        return None
    if folder is not None and folder.exists():
        owner = folder.stat()
        if owner.st_uid != 0:
            return Account(owner_name(owner.st_uid), owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise PostgresError(
        "PostgreSQL refuses to run as root, and no account `postgres` or `nobody` is there",
        "run as an ordinary user",
    )


def owner_name(uid: int) -> str:
    """The account's name, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def spawn_as(account: Account | None) -> SpawnAs:
    """What to hand to `subprocess.Popen` besides the command."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def give(path: Path, account: Account | None) -> None:
    """Makes `account` the owner of a folder and all that is in it."""
    if account is None:
        return
    os.chown(path, account.uid, account.gid)
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            os.chown(os.path.join(folder, name), account.uid, account.gid, follow_symlinks=False)


def can_enter(account: Account | None, folder: Path) -> bool:
    """Whether the account may reach what is in `folder`, as far as permission bits tell."""
    if account is None:
        return True
    path = folder.resolve()
    return all(_may_search(account, step) for step in (path, *path.parents) if step.exists())


def _may_search(account: Account, folder: Path) -> bool:
    status = folder.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == account.gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)
