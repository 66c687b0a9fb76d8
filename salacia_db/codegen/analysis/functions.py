"""Built-in functions by what they promise: a result that isn't NULL, and no side effects.

A strict function only promises NULL for NULL. Those named here were read in PostgreSQL's source
and are called with random arguments by a test; a function that is missing may return NULL.
"""

from collections.abc import Iterable
from enum import Enum
from functools import cache

from salacia_db.codegen.analysis.catalog import Function
from salacia_db.codegen.analysis.extensions import is_total
from salacia_db.codegen.analysis.tree import Node


class Totality(Enum):
    """When a function's result is surely not NULL."""

    PARTIAL = "never surely"
    TOTAL = "if no argument is NULL"
    FIRST = "if the first argument isn't NULL"
    ALWAYS = "whatever the arguments"


def totality(function: Function, arguments: Iterable[Node] = ()) -> Totality:
    """What the function promises, if PostgreSQL or a well-known extension brings it.

    Constants among its arguments count.
    """
    if not function.builtin and is_total(function):
        return Totality.TOTAL
    if not function.builtin or function.schema != "pg_catalog" or function.kind != "f":
        return Totality.PARTIAL
    kind = _KINDS.get(function.name, Totality.PARTIAL)
    if function.name in _FIELD_OF and _monotonic(function, list(arguments)):
        return Totality.TOTAL
    if kind is Totality.PARTIAL or _partial_overload(function.name, function.arguments):
        return Totality.PARTIAL
    return kind


# --- the promises ---------------------------------------------------------------------------------

_TEXT = """
anytextcat ascii bit_length btrim casefold char_length character_length chr convert convert_from
convert_to decode encode initcap is_normalized left length like like_escape lower lpad ltrim md5
normalize notlike octet_length overlay parse_ident position quote_ident quote_literal regexp_count
regexp_instr regexp_like regexp_replace regexp_split_to_array repeat replace reverse right rpad
rtrim sha224 sha256 sha384 sha512 similar_to_escape split_part starts_with string_to_array strpos
substr substring textanycat textcat textlen to_ascii to_bin to_char to_hex to_oct translate
unicode_assigned unistr upper byteacat bit_count get_bit get_byte set_bit set_byte crc32 crc32c
texticlike texticnlike texticregexeq texticregexne textlike textnlike textregexeq textregexne
bpchariclike bpcharicnlike bpcharicregexeq bpcharicregexne bpcharlike bpcharnlike bpcharregexeq
bpcharregexne nameiclike nameicnlike nameicregexeq nameicregexne namelike namenlike nameregexeq
nameregexne bytealike byteanlike hashtext hashtextextended hashint4 hashint4extended hashint8
hashint8extended format_type xmlcomment xpath
xpath_exists xml_is_well_formed
"""

_NUMBERS = """
abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh
cot cotd degrees div erf erfc exp factorial floor gamma gcd lcm lgamma ln log log10 mod pi pow power
radians random random_normal round sign sin sind sinh sqrt tan tand tanh trim_scale trunc
width_bucket dcbrt dpow dsqrt int2abs int4abs int8abs float4abs float8abs numeric_abs numeric_add
numeric_div numeric_mod numeric_mul numeric_power numeric_sub numeric_uminus numeric_uplus
numeric_div_trunc cash_div_cash cash_mi cash_pl numeric_pl_pg_lsn
"""

_TIMES = """
age clock_timestamp date_add date_bin date_subtract date_trunc isfinite justify_days justify_hours
justify_interval make_date make_interval make_time make_timestamp make_timestamptz now overlaps
statement_timestamp timeofday timezone to_date to_timestamp transaction_timestamp date_mi
date_mi_interval date_mii date_pl_interval date_pli datetime_pl datetimetz_pl integer_pl_date
interval_div interval_mi interval_mul interval_pl interval_pl_date interval_pl_time
interval_pl_timestamp interval_pl_timestamptz interval_pl_timetz interval_um mul_d_interval
time_mi_interval time_mi_time time_pl_interval timedate_pl timestamp_mi timestamp_mi_interval
timestamp_pl_interval timestamptz_mi timestamptz_mi_interval timestamptz_pl_interval
timetz_mi_interval timetz_pl_interval timetzdate_pl
"""

_JSON = """
array_to_json json_array_length json_object json_strip_nulls json_typeof jsonb_array_length
jsonb_concat jsonb_contained jsonb_contains jsonb_delete jsonb_delete_path jsonb_exists
jsonb_exists_all jsonb_exists_any jsonb_insert jsonb_object jsonb_path_query_array
jsonb_path_query_array_tz jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_typeof
row_to_json to_json to_jsonb
"""

_ARRAYS_AND_RANGES = """
array_cat array_fill array_positions array_reverse array_sample array_shuffle
array_sort array_to_string arraycontained arraycontains arrayoverlap cardinality trim_array isempty
lower_inc lower_inf multirange range_merge upper_inc upper_inf elem_contained_by_multirange
elem_contained_by_range range_adjacent range_adjacent_multirange range_after range_after_multirange
range_before range_before_multirange range_contained_by range_contained_by_multirange
range_contains_elem range_contains_multirange range_intersect range_minus range_overlaps
range_overlaps_multirange range_overleft range_overleft_multirange range_overright
range_overright_multirange range_union multirange_adjacent_multirange multirange_adjacent_range
multirange_after_multirange multirange_after_range multirange_before_multirange
multirange_before_range multirange_contained_by_multirange multirange_contained_by_range
multirange_contains_elem multirange_contains_multirange multirange_contains_range
multirange_intersect multirange_minus multirange_overlaps_multirange multirange_overlaps_range
multirange_overleft_multirange multirange_overleft_range multirange_overright_multirange
multirange_overright_range multirange_union datemultirange int4multirange int8multirange
nummultirange tsmultirange tstzmultirange
"""

_SEARCH = """
array_to_tsvector get_current_ts_config numnode phraseto_tsquery plainto_tsquery querytree setweight
strip to_tsquery to_tsvector ts_delete ts_filter ts_headline ts_match_qv ts_match_tq ts_match_tt
ts_match_vq ts_rank ts_rank_cd tsq_mcontained tsq_mcontains tsquery_and tsquery_not tsquery_or
tsquery_phrase ts_rewrite tsvector_concat tsvector_to_array websearch_to_tsquery json_to_tsvector
jsonb_to_tsvector
"""

_NETWORK_AND_BITS = """
abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network
network_overlap network_sub network_subeq network_sup set_masklen inetand inetmi inetmi_int8 inetnot
inetor inetpl int8pl_inet macaddr_and macaddr_not macaddr_or macaddr8_and macaddr8_not macaddr8_or
macaddr8_set7bit bitand bitcat bitnot bitor bitshiftleft bitshiftright bitxor
"""

_CASTS = """
bit bool bpchar bytea char cidr date float4 float8 int2 int4 int8 interval macaddr macaddr8 money
name numeric oid text time timestamp timestamptz timetz varbit varchar xml regclass
"""

_SYSTEM = """
current_database current_schemas current_setting current_user gen_random_uuid nextval pg_backend_pid
getdatabaseencoding pg_cancel_backend pg_client_encoding pg_column_size pg_conf_load_time
pg_current_snapshot pg_current_wal_insert_lsn pg_current_wal_lsn pg_input_is_valid pg_jit_available
pg_my_temp_schema pg_notification_queue_usage pg_postmaster_start_time pg_reload_conf
pg_terminate_backend pg_current_xact_id pg_is_in_recovery
pg_size_bytes pg_size_pretty pg_snapshot_xmax pg_snapshot_xmin pg_trigger_depth
pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock
pg_try_advisory_xact_lock_shared pg_advisory_unlock pg_visible_in_snapshot session_user
txid_current txid_current_snapshot txid_snapshot_xmax txid_snapshot_xmin
txid_visible_in_snapshot unicode_version uuidv4 uuidv7 version currval lastval setval set_config
"""

# What the comparison operators of a type are called: `int4eq`, `date_eq`.
_SHORT = """
bool bpchar bytea char float4 float48 float8 float84 int2 int24 int28 int4 int42 int48 int8 int82
int84 name oid oidvector text tid varbit bit xid xid8
"""
_LONG = """
array cash date date timestamp enum interval jsonb macaddr macaddr8 multirange network numeric
range record record_image text time timestamptz timetz tsquery tsvector uuid bpchar_pattern
text_pattern
"""
_MIXED = ("date", "timestamp", "timestamptz")
_COMPARED = ("eq", "ne", "lt", "le", "gt", "ge")
_COMPUTED = ("pl", "mi", "mul", "div", "mod", "um", "up", "and", "or", "not", "xor", "shl", "shr")

_ALWAYS = """
array_append array_prepend concat enum_first enum_last enum_range json_build_array json_build_object
jsonb_build_array jsonb_build_object num_nonnulls num_nulls pg_typeof quote_nullable daterange
int4range int8range numrange tsrange tstzrange
"""
_FIRST = "array_remove array_replace concat_ws format"


def _comparisons() -> Iterable[str]:
    for end in _COMPARED:
        yield from (f"{kind}{end}" for kind in _SHORT.split())
        yield from (f"{kind}_{end}" for kind in _LONG.split())
        yield from (f"{a}_{end}_{b}" for a in _MIXED for b in _MIXED if a != b)
        yield from (f"nametext{end}", f"name{end}text", f"text{end}name")


def _arithmetic() -> Iterable[str]:
    sizes = ("2", "4", "8", "24", "28", "42", "48", "82", "84")
    for end in _COMPUTED:
        yield from (f"{kind}{size}{end}" for kind in ("int", "float") for size in sizes)
    for other in ("flt4", "flt8", "int2", "int4", "int8"):
        yield from (f"cash_mul_{other}", f"cash_div_{other}", f"{other}_mul_cash")


_TOTAL = frozenset(
    (_TEXT + _NUMBERS + _TIMES + _JSON + _ARRAYS_AND_RANGES + _SEARCH).split()
    + (_NETWORK_AND_BITS + _CASTS + _SYSTEM).split()
    + [*_comparisons(), *_arithmetic()]
)
_KINDS = {
    **dict.fromkeys(_TOTAL, Totality.TOTAL),
    **dict.fromkeys(_FIRST.split(), Totality.FIRST),
    **dict.fromkeys(_ALWAYS.split(), Totality.ALWAYS),
}


# --- overloads that don't keep the promise of their name ------------------------------------------

_JSONB, _TEXT_OID = 3802, 25
# point, lseg, path, box, polygon, line, circle: many of their functions have no answer for some.
_GEOMETRIC = frozenset((600, 601, 602, 603, 604, 628, 718))
_RANGES = frozenset((3904, 3906, 3908, 3910, 3912, 3926, 3831, 4537))
_CASTED = frozenset(_CASTS.split())
_INFINITE = frozenset((1082, 1114, 1184, 1186))  # date, timestamp, timestamptz, interval


@cache
def _partial_overload(name: str, arguments: tuple[int, ...]) -> bool:
    if _GEOMETRIC.intersection(arguments):
        return True
    if name in ("time", "timetz", "to_char") and _INFINITE.intersection(arguments):
        return True
    if name in _CASTED:
        return _JSONB in arguments  # 18: `'null'::jsonb::int` is NULL
    if name == "substring":
        return arguments in ((_TEXT_OID,) * 2, (_TEXT_OID,) * 3)  # by a pattern
    if name in ("lower", "upper"):
        return arguments != (_TEXT_OID,)  # the bound of a range
    return name == "current_setting" and len(arguments) > 1


_FIELD_OF = frozenset(("extract", "date_part"))
# Fields that infinity has, too. Of others (`day`, `hour`) it is NULL.
_MONOTONIC = frozenset(
    (b"century", b"decade", b"epoch", b"isoyear", b"julian", b"millennium", b"year")
)
_TIMES_OF_DAY = frozenset((1083, 1266))


def _monotonic(function: Function, arguments: list[Node]) -> bool:
    if len(arguments) != 2 or len(function.arguments) != 2:
        return False
    type_, field = function.arguments[1], arguments[0].get("constvalue")
    if type_ in _TIMES_OF_DAY:
        return True
    if arguments[0].tag != "CONST" or not isinstance(field, bytes):
        return False
    word = field[4:].lower()
    return word == b"epoch" if type_ == 1186 else word in _MONOTONIC


# --- aggregates, window functions, sets -----------------------------------------------------------

ALWAYS_AGGREGATES = frozenset(
    ("count", "regr_count", "rank", "dense_rank", "percent_rank", "cume_dist")
)
"""Aggregates that answer for no rows at all."""

COLLECTING_AGGREGATES = frozenset(
    """
    array_agg json_agg json_agg_strict json_object_agg json_object_agg_strict
    json_object_agg_unique json_object_agg_unique_strict jsonb_agg jsonb_agg_strict
    jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique jsonb_object_agg_unique_strict
    """.split()
)
"""Aggregates that answer as soon as there is a row, whatever it holds."""

TOTAL_AGGREGATES = frozenset(
    """
    any_value avg bit_and bit_or bit_xor bool_and bool_or every max min range_agg
    range_intersect_agg stddev_pop string_agg sum var_pop xmlagg
    """.split()
)
"""Aggregates that answer if there is a row and its values aren't NULL."""

ORDERED_AGGREGATES = frozenset(("mode", "percentile_cont", "percentile_disc"))
"""Ordered-set aggregates that answer if there is a row and none of all arguments is NULL."""

RANKING_FUNCTIONS = frozenset(
    ("row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile")
)
"""Window functions that answer for every row."""

WINDOW_VALUES = frozenset(("first_value", "last_value"))
"""Window functions that answer with a value of the frame, if it has a row."""

SETS: dict[str, tuple[bool, ...]] = {
    "generate_series": (True,),
    "generate_subscripts": (True,),
    "json_array_elements": (True,),
    "json_each": (True, True),
    "json_each_text": (True, False),
    "json_object_keys": (True,),
    "jsonb_array_elements": (True,),
    "jsonb_each": (True, True),
    "jsonb_each_text": (True, False),
    "jsonb_object_keys": (True,),
    "jsonb_path_query": (True,),
    "jsonb_path_query_tz": (True,),
    "pg_listening_channels": (True,),
    "regexp_matches": (True,),
    "regexp_split_to_table": (True,),
    "ts_parse": (True, True),
    "ts_stat": (True, True, True),
}
"""Functions that return sets: which of their columns are never NULL."""
