"""Functions vetted for their side effects: what they may do to the database and to the session.

Declared volatility proves nothing of a person's function: one declared STABLE may call one that
writes. Of PostgreSQL's own it does, but for those named here.
"""

from enum import IntFlag

from salacia_db.codegen.analysis.catalog import Function


class Touches(IntFlag):
    """What calling a function may change."""

    NOTHING = 0
    DATA = 1
    SESSION = 2


def touches(function: Function | None) -> Touches:
    """What calling the function may change; everything, if it isn't vetted."""
    if function is None:
        return Touches.DATA | Touches.SESSION
    if function.builtin:
        return _builtin(function)
    # Only superusers make functions in these; they come with well-known extensions.
    if function.language in ("c", "internal") and function.name.startswith(_EXTENSIONS):
        return Touches.NOTHING
    return Touches.DATA | Touches.SESSION


def tells_time(function: Function) -> bool:
    """Whether the result may depend on the time at which its transaction began."""
    if not function.builtin:
        return False
    name, arguments = function.name, function.arguments
    # '{"due": "today"}' is read as text is.
    if name in _TIME or name.startswith(_FROM_JSON):
        return True
    # The one counts from today; the other takes the zone's offset of today.
    return (name == "age" and len(arguments) == 1) or (name == "timezone" and _TIMETZ in arguments)


def bound(function: Function) -> bool:
    """Whether the result may depend on the transaction: on its number, snapshot or time.

    A person's function may do so unseen, and be replaced tomorrow.
    """
    if not function.builtin:
        return bool(touches(function)) or function.volatility == "v"
    return function.volatility == "v" or function.name.startswith(_OF_TRANSACTION)


def _builtin(function: Function) -> Touches:
    name = function.name
    if name in _DATA_ONLY:
        return Touches.DATA
    if name.endswith(_RUNNING) or name in _OTHERS:
        return Touches.DATA | Touches.SESSION
    if function.volatility != "v" or name.startswith(_HARMLESS):
        return Touches.NOTHING
    return Touches.DATA | Touches.SESSION


# Declared stable or immutable, and yet they run queries, or the checks of any domain.
_RUNNING = ("_to_xml", "_to_xmlschema", "_to_xml_and_xmlschema", "_in", "_recv", "_validator")
_OTHERS = frozenset(("pg_input_is_valid", "pg_input_error_info"))

# Written to, taken from or assigned, with nothing left behind in the session but the last value.
_DATA_ONLY = frozenset(
    """
    currval lastval lo_creat lo_create lo_from_bytea lo_put lo_unlink nextval pg_advisory_xact_lock
    pg_advisory_xact_lock_shared pg_current_xact_id pg_logical_emit_message pg_notify setval
    pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared txid_current
    """.split()
)

# Declared volatile, since they tell the time, the state of the server, or something else each time.
_HARMLESS = tuple(
    """
    array_sample array_shuffle clock_timestamp current_query gen_random_uuid pg_blocking_pids
    pg_current_wal_ pg_database_size pg_indexes_size pg_is_in_recovery pg_is_wal_replay_paused
    pg_last_ pg_lock_status pg_notification_queue_usage pg_partition_ancestors pg_partition_tree
    pg_relation_size pg_safe_snapshot_blocking_pids pg_sequence_last_value pg_sleep
    pg_stat_get_ pg_table_size pg_tablespace_size pg_total_relation_size pg_xact_ random timeofday
    txid_status uuidv
    """.split()
)

_TIME = frozenset("now transaction_timestamp timetz".split())
_TIMETZ = 1266
_FROM_JSON = ("json_populate_", "jsonb_populate_", "json_to_record", "jsonb_to_record")

# What is known of statistics is kept to the end of the transaction that asked.
_OF_TRANSACTION = tuple(
    """
    current_setting pg_cursor pg_current_ pg_export_snapshot pg_snapshot_ pg_stat_ pg_visible_
    pg_xact_ statement_timestamp txid_
    """.split()
)

# citext, hstore, intarray, ltree, pg_trgm, pgcrypto, unaccent, uuid-ossp, vector
_EXTENSIONS = tuple(
    """
    citext hstore hs_ akeys avals defined delete each exist fetchval isdefined isexists skeys slice
    svals tconvert ltree lquery ltxtq lca nlevel subltree subpath text2ltree ltree2text similarity
    word_similarity strict_word_similarity show_trgm show_limit armor crypt dearmor decrypt digest
    encrypt gen_random_ gen_salt hmac pgp_ unaccent uuid_generate_ uuid_nil uuid_ns_ vector halfvec
    sparsevec array_to_vector array_to_halfvec array_to_sparsevec cosine_distance inner_product
    l1_distance l2_distance l2_norm l2_normalize hamming_distance jaccard_distance binary_quantize
    subvector icount idx intset sort textic uniq subarray
    """.split()
)
