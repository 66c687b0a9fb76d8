"""Each further schema has its own module of structs; a folder of queries is an attribute."""

from emitting import INT, TEXT, columns_of, enum, nested, query, schema, table

public_state = enum("state", "on", "off")
billing_state = enum("state", "paid", "open", schema="billing")
accounts = table("accounts", {"id": INT, "state": public_state})
invoices = table("billing.invoices", {"id": INT, "state": billing_state})
billing_accounts = table("billing.accounts", {"id": INT, "iban": TEXT})
both = [*columns_of(accounts), *columns_of(billing_accounts)]
queries = [
    query("accounts.all", "many", "select id, state from accounts", whole=accounts),
    query("billing/invoices.all", "many", "select id, state from billing.invoices", whole=invoices),
    query(
        "billing/invoices.count",
        "one",
        "select count(*)::int from billing.invoices",
        columns={"count": INT},
        cardinality="one",
    ),
    query(
        "billing/accounts.pairs",
        "many",
        "select a.id, a.state, b.id, b.iban from accounts a join billing.accounts b using (id)",
        columns=both,
        fields=[nested("account", accounts, 0), nested("billing", billing_accounts, 2)],
    ),
    query("models.all", "many", "select id, state from accounts", whole=accounts),
]
facts = schema(public_state, billing_state, accounts, invoices, billing_accounts)
