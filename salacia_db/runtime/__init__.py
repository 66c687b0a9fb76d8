"""What generated code imports: sessions, statements, units of work, hooks, errors."""

from msgspec import UNSET, Struct, UnsetType, field

from salacia_db.config import DatabaseSettings, Overrides, PoolSettings, Profile
from salacia_db.runtime.bulk.given import CopyTarget, Output, Rows
from salacia_db.runtime.bulk.taking import taken
from salacia_db.runtime.connections.codecs import as_json
from salacia_db.runtime.connections.counts import PoolStats
from salacia_db.runtime.database import Database
from salacia_db.runtime.dynamic import Dynamic, When
from salacia_db.runtime.errors import (
    CheckViolation,
    CommitOutcomeUnknown,
    ConcurrentUse,
    ConfigurationError,
    ConnectionFailed,
    ConnectionLost,
    DatabaseError,
    DeadlineExceeded,
    DeadlockDetected,
    ExclusionViolation,
    ForeignKeyViolation,
    IntegrityError,
    InvalidArgument,
    InvalidCursor,
    InvalidStatement,
    InvalidValue,
    LockNotAvailable,
    NotFound,
    NotNullViolation,
    PermissionDenied,
    PoolDeadlock,
    PoolTimeout,
    QueueFull,
    ReadOnlyTransaction,
    SalaciaError,
    SchemaChanged,
    SerializationFailure,
    ServerUnavailable,
    StatementCancelled,
    TooManyRows,
    TransactionRolledBack,
    UniqueViolation,
    UsageError,
    WriteDeadlineExceeded,
    WrongEventLoop,
    WrongProcess,
    retry_safe,
)
from salacia_db.runtime.finding.columns import BoolColumn, Column, Order, TextColumn
from salacia_db.runtime.finding.conditions import Condition
from salacia_db.runtime.finding.finder import Finds, OrderBy
from salacia_db.runtime.finding.relations import Link, Relation, Relations, Through
from salacia_db.runtime.finding.tables import Table
from salacia_db.runtime.group import Group, lazy
from salacia_db.runtime.listening import Listener, Notification
from salacia_db.runtime.misfit import refuse
from salacia_db.runtime.pages.page import NumberedPage, Page
from salacia_db.runtime.pages.paged import Paged
from salacia_db.runtime.session import Session
from salacia_db.runtime.statement import Batch, Row, Statement, Unnested, Write
from salacia_db.runtime.stream import Stream
from salacia_db.runtime.units.events import (
    After,
    Arguments,
    Before,
    Created,
    Creating,
    Deleted,
    Deleting,
    Updated,
    Updating,
)
from salacia_db.runtime.units.hooks import HookFailure, Hooks
from salacia_db.runtime.units.options import Isolation
from salacia_db.runtime.units.unit_of_work import UnitOfWork
from salacia_db.runtime.values.arrays import read_array, write_array
from salacia_db.runtime.values.enums import enum_members
from salacia_db.runtime.values.interval import Interval
from salacia_db.runtime.values.json_decoding import decode_at, decode_json, json_decoder
from salacia_db.runtime.values.secret import Secret, reveal
from salacia_db.runtime.values.uuid7 import uuid7
from salacia_db.runtime.watching.stats import StatementStats, Stats
from salacia_db.texts import Key

__all__ = [
    "UNSET",
    "After",
    "Arguments",
    "Batch",
    "Before",
    "BoolColumn",
    "CheckViolation",
    "Column",
    "CommitOutcomeUnknown",
    "ConcurrentUse",
    "Condition",
    "ConfigurationError",
    "ConnectionFailed",
    "ConnectionLost",
    "CopyTarget",
    "Created",
    "Creating",
    "Database",
    "DatabaseError",
    "DatabaseSettings",
    "DeadlineExceeded",
    "DeadlockDetected",
    "Deleted",
    "Deleting",
    "Dynamic",
    "ExclusionViolation",
    "Finds",
    "ForeignKeyViolation",
    "Group",
    "HookFailure",
    "Hooks",
    "IntegrityError",
    "Interval",
    "InvalidArgument",
    "InvalidCursor",
    "InvalidStatement",
    "InvalidValue",
    "Isolation",
    "Key",
    "Link",
    "Listener",
    "LockNotAvailable",
    "NotFound",
    "NotNullViolation",
    "Notification",
    "NumberedPage",
    "Order",
    "OrderBy",
    "Output",
    "Overrides",
    "Page",
    "Paged",
    "PermissionDenied",
    "PoolDeadlock",
    "PoolSettings",
    "PoolStats",
    "PoolTimeout",
    "Profile",
    "QueueFull",
    "ReadOnlyTransaction",
    "Relation",
    "Relations",
    "Row",
    "Rows",
    "SalaciaError",
    "SchemaChanged",
    "Secret",
    "SerializationFailure",
    "ServerUnavailable",
    "Session",
    "Statement",
    "StatementCancelled",
    "StatementStats",
    "Stats",
    "Stream",
    "Struct",
    "Table",
    "TextColumn",
    "Through",
    "TooManyRows",
    "TransactionRolledBack",
    "UniqueViolation",
    "UnitOfWork",
    "Unnested",
    "UnsetType",
    "Updated",
    "Updating",
    "UsageError",
    "When",
    "Write",
    "WriteDeadlineExceeded",
    "WrongEventLoop",
    "WrongProcess",
    "as_json",
    "decode_at",
    "decode_json",
    "enum_members",
    "field",
    "json_decoder",
    "lazy",
    "read_array",
    "refuse",
    "retry_safe",
    "reveal",
    "taken",
    "uuid7",
    "write_array",
]
