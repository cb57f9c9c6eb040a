"""What one inject costs the client, beside other clients and the limit of Python.

A request of 0.55 KB for one recipient, an answer of 1.5 KB, over TLS to a server in a process of
its own. The main figure is the client's CPU time; page faults are shown because they show
buffers that are given back and taken anew.

There is a table for each kind of server, since a client on the same machine pays for waking it:
one that waits for work is woken by each write, 25 to 30 µs of the client's CPU time, and a
client that writes in bursts hardly notices; one that polls is always awake. Over a network the
kernel of the other machine pays instead, so that the truth there is closer to the second table.
Both servers are the same program, or with `--nginx` the first one is nginx.

Below each table is where the time of the first line goes, as differences between contenders of
that table. Read the one of the server that polls first: with the other, a contender that is quick
to write wakes the server more often, and the differences hold that as well. (The raw protocol
also writes and parses JSON, about 5 µs, which the transport alone does not.) The last tables are
those of `path.py`: the parts with nothing sent; `--no-parts` leaves them out. Run:
`python benchmarks/inject.py`, with `--in-flight 10 50 200 500` for the growth.
"""

from __future__ import annotations

from attrs import evolve

import path
from parts import ours, peers
from parts.measuring import Contender, Result, measure
from parts.options import Options
from parts.raw_limit import raw_limit
from parts.servers import Server, in_python, nginx
from parts.tables import Column, Table, cpu, faults, per_second, publish, ratio
from parts.workload import ANSWER

REFERENCE = "aiohttp, json="
WHOLE = "mediasflow_async, models and retry"
WITHOUT_MODELS = "mediasflow_async, JSON in and out"
TRANSPORT = "its transport alone"
LIMIT = "raw protocol, the limit"
_TRANSPORT = ("mediasflow_async.transport",)
CONTENDERS = (
    Contender(WHOLE, ours.session),
    Contender(WITHOUT_MODELS, ours.session_json),
    Contender(TRANSPORT, ours.transport, _TRANSPORT),
    Contender("its transport under httpx, json=", ours.transport_under_httpx, _TRANSPORT),
    Contender("httpx, json=", peers.httpx, ("httpx",)),
    Contender("httpx2, json=", peers.httpx2, ("httpx2",)),
    Contender("httpx on httpx-aiohttp, json=", peers.httpx_aiohttp, ("httpx_aiohttp",)),
    Contender(REFERENCE, peers.aiohttp, ("aiohttp",)),
    Contender("aiohttp, orjson", peers.aiohttp_orjson, ("aiohttp",)),
    Contender("pyreqwest, orjson", peers.pyreqwest, ("pyreqwest",)),
    Contender(LIMIT, raw_limit),
)
COLUMNS: tuple[Column, ...] = (
    cpu("µs CPU/request"),
    ratio(),
    per_second("requests/s"),
    faults("faults/request"),
)
PARTS = (
    ("socket, TLS, event loop: the limit", LIMIT, None),
    ("HTTP/1.1 and connections: our transport", TRANSPORT, LIMIT),
    ("the call: retry, deadline, headers, JSON", WITHOUT_MODELS, TRANSPORT),
    ("models: checked, written, read", WHOLE, WITHOUT_MODELS),
)
ALL_PARTS = "all of it"


def main() -> None:
    """Measure and print, for each kind of server and each number of requests in flight."""
    options = Options.read(
        __doc__,
        rounds=7,
        in_flight=(50,),
        requests=5000,
        calls=5000,
        uvloop=False,
        plain=False,
        nginx=False,
        no_parts=False,
    )
    uses_tls = not options.others.plain
    sleeping = (
        nginx(ANSWER, uses_tls=uses_tls)
        if options.others.nginx
        else in_python("prompt", ANSWER, uses_tls=uses_tls)
    )
    with sleeping as server:
        tables = _tables(options, server, "a server that waits for work")
    with in_python("prompt", ANSWER, uses_tls=uses_tls, polls=True) as server:
        tables += _tables(options, server, "a server that polls")
    if not options.others.no_parts:
        tables += path.tables(options)
    publish(options.program, [table for table in tables if table.results], options.json)


def _tables(options: Options, server: Server, kind: str) -> list[Table]:
    tables: list[Table] = []
    for most in options.others.in_flight:
        table = _table(options, server, kind, most)
        tables += [table, _profile(table)]
    return tables


def _table(options: Options, server: Server, kind: str, most: int) -> Table:
    count = options.sized(options.others.requests, 100)
    loop = "uvloop" if options.others.uvloop else "asyncio"
    results = measure(
        [evolve(one, loop=loop) for one in options.chosen(CONTENDERS)],
        server.settings | {"in_flight": most},
        count=count,
        warm_up=count // 5 + most,
        rounds=options.rounds,
    )
    facts = {
        "server": server.name,
        "kind": kind,
        "in_flight": most,
        "requests": count,
        "loop": loop,
    }
    way = "TLS" if server.ca else "plain HTTP"
    title = f"inject over {way} to {kind} ({server.name}), {most} in flight, {loop}"
    return Table(title=title, columns=COLUMNS, results=results, reference=REFERENCE, facts=facts)


def _profile(table: Table) -> Table:
    """Return where the time of a call goes; no rows when contenders are missing."""
    by_name = {result.name: result for result in table.results if result.readings}
    rows: list[Result] = []
    if {WHOLE, WITHOUT_MODELS, TRANSPORT, LIMIT} <= by_name.keys():
        for name, upper, lower in PARTS:
            part = by_name[upper]
            rows.append(evolve(part.less(by_name[lower]) if lower else part, name=name))
        rows.append(evolve(by_name[WHOLE], name=ALL_PARTS))
    return Table(
        title=f"where the time of {WHOLE!r} goes, {table.facts['in_flight']} in flight",
        columns=(cpu("µs CPU/request", digits=1), ratio("share")),
        results=rows,
        reference=ALL_PARTS,
        facts=table.facts,
    )


if __name__ == "__main__":
    main()
