"""Functions of the well-known extensions whose result is not NULL for arguments that aren't.

They are written in C, which superusers alone may install. As with the built-in ones (`functions`),
each was read in its source and a test calls those that the server has with random arguments.
"""

from salacia_db.codegen.analysis.catalog import Function


def is_total(function: Function) -> bool:
    """Whether the function of an extension gives no NULL for arguments that aren't NULL."""
    return function.language in ("c", "internal") and function.name in _TOTAL


_TOTAL = frozenset(
    """
    citext_eq citext_ge citext_gt citext_le citext_lt citext_ne texticlike texticnlike
    texticregexeq texticregexne

    akeys avals defined delete exist exists_all exists_any hs_concat hs_contained hs_contains hstore
    hstore_eq hstore_ne hstore_to_array hstore_to_json hstore_to_json_loose hstore_to_jsonb
    hstore_to_jsonb_loose hstore_to_matrix isdefined isexists slice slice_array tconvert

    similarity similarity_dist similarity_op show_limit show_trgm strict_word_similarity
    strict_word_similarity_commutator_op strict_word_similarity_dist_commutator_op
    strict_word_similarity_dist_op strict_word_similarity_op word_similarity
    word_similarity_commutator_op word_similarity_dist_commutator_op word_similarity_dist_op
    word_similarity_op unaccent

    index ltree2text ltree_addltree ltree_addtext ltree_eq ltree_ge ltree_gt ltree_isparent ltree_le
    ltree_lt ltree_ne ltree_risparent ltree_textadd ltq_regex ltq_rregex ltxtq_exec ltxtq_rexec
    nlevel subltree subpath text2ltree

    armor crypt dearmor decrypt decrypt_iv digest encrypt encrypt_iv gen_random_bytes
    gen_random_uuid gen_salt hmac pgp_key_id pgp_pub_decrypt pgp_pub_decrypt_bytea pgp_pub_encrypt
    pgp_pub_encrypt_bytea pgp_sym_decrypt pgp_sym_decrypt_bytea pgp_sym_encrypt
    pgp_sym_encrypt_bytea

    uuid_generate_v1 uuid_generate_v1mc uuid_generate_v3 uuid_generate_v4 uuid_generate_v5 uuid_nil
    uuid_ns_dns uuid_ns_oid uuid_ns_url uuid_ns_x500

    difference dmetaphone dmetaphone_alt levenshtein levenshtein_less_equal
    metaphone soundex

    icount idx intset sort sort_asc sort_desc subarray uniq

    cosine_distance inner_product l1_distance l2_distance vector_add vector_dims vector_eq vector_ge
    vector_gt vector_le vector_lt vector_mul vector_ne vector_negative_inner_product vector_norm
    vector_sub
    """.split()
)
