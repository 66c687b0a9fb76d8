"""The rules by which a column is proven not null, over the server's own query tree.

`scope` knows what holds for the rows of one query, `joins` and `narrowing` find it out,
`expressions` and `aggregates` judge expressions, `columns` what a FROM item offers, and `queries`
puts a query's output together. `prover` ties them: the rules call each other through it.
"""
