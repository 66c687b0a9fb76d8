"""The fault bench: what breaks on the worst day, done on purpose, and what is left afterwards.

`./scripts/faults` runs it all, against salacia_db and raw asyncpg, and writes docs/faults.md.
`pytest tests/faults` runs the quick selection against salacia_db.

A scenario is a function in a module of `scenarios/`, registered by its name (`my_fault` becomes
`--only my-fault`). It breaks something while callers make attempts, and returns once it is over;
nothing else, since all invariants are checked after it by the same code for all:

    @scenario("a backend terminated in the middle of a transaction", quick=20, full=500)
    async def backend_terminated(bench: Bench) -> None:
        async def work(session: Session, entry: Entry) -> None:
            await session.write(entry, 0)
            await bench.bystander.execute("select pg_terminate_backend(...)")
            await session.write(entry, 1)

        for _ in range(bench.attempts):
            await bench.attempt(work)

- `bench.attempt()` is a transaction that writes both parts of a ledger entry, whose id the client
  has made, with an after-commit hook. It notes what its caller was told, and when. It never raises.
  `work` does something else in it, `before_commit` is called at its end, `cancel_after=(0.01, 0.0)`
  cancels it (twice). `bench.observe(call)` is the same for any call: `hooks=False` where there are
  none.
- `bench.load()` is `async with`: callers that make one attempt after the other meanwhile.
- `bench.client` is the library under test, behind one interface (`clients.py`), or `Salacia` with
  `.db` and `.hooks` where only it can do something: `against=(Salacia,)`.
- `bench.proxy` stands between client and server: `rule`, `reply`, `delay`, `rate`, `refusing`,
  `resetting`, `heal()` (`proxy.py`). All faults of the proxy are over once the body has returned.
- `bench.server` is a server of the scenario's own, with `own=True` (and `settings={…}`): `stop`,
  `start`, `restart("fast" | "immediate" | "killed")`. `frozen(pids)` stops processes
  (`servers.py`), `standby_of(server)` is one more. What a body starts itself and the checks need,
  too, goes through `await bench.keep(…)`.
- `bench.bystander` is a connection that doesn't go through the proxy, `bench.direct` its URL.
- `await bench.recovered()` measures the time until the pool lends all N connections at once. Say
  it where the fault ends, or where it goes on and the pool must be whole all the same; else it is
  measured after the body.
- `await bench.all_write()` says that each of the N connections can be used to write, too;
  `recovered` only reads, as on a demoted server one can.
- `bench.violations["L"] += 1` counts what only the scenario itself can see.
- `programs=("pgbouncer",)` must be on PATH or in /usr/sbin, or the scenario is "not run", and
  says so. `pooled=True` tells the libraries that a pooler in transaction mode stands before the
  server, which the body puts there (`scenarios/pooler.py`). For anything else that is missing
  `raise NotRun("why")`. Never return early.
- `quick` and `full` are attempts; `timeout` is a statement's deadline, `acquire` that of a wait for
  a connection, `size` the pool's. `ci=False` leaves it out of the tests: what needs minutes.

Numbers of violations: A, B, C and K are entries (`ledger.py`), P is a pool that isn't whole after
5 s, S sessions too many or idle in transaction, D callers that came back late, L connections that
differ from a new one (`checks.py`).
"""
