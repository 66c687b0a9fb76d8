"""Units of work: transactions, their ends, and the hooks in them."""
