"""What one inject costs the client, beside other clients and the limit of Python.

A request of 0.55 KB for one recipient, an answer of 1.5 KB, over TLS to nginx in a process of
its own. The main figure is the client's CPU time; page faults are shown because they show
buffers that are given back and taken anew. Run: `python benchmarks/inject.py`, with
`--in-flight 10 50 200 500` for the growth.
"""

from __future__ import annotations

from attrs import evolve

from parts import ours, peers
from parts.measuring import Contender, measure
from parts.options import Options
from parts.raw_limit import raw_limit
from parts.servers import Server, nginx
from parts.tables import Column, Table, cpu, faults, per_second, publish, ratio
from parts.workload import ANSWER

REFERENCE = "aiohttp, json="
_TRANSPORT = ("mediasflow_async.transport",)
CONTENDERS = (
    Contender("mediasflow_async, models and retry", ours.session),
    Contender("its transport alone", ours.transport, _TRANSPORT),
    Contender("its transport under httpx, json=", ours.transport_under_httpx, _TRANSPORT),
    Contender("httpx, json=", peers.httpx, ("httpx",)),
    Contender("httpx2, json=", peers.httpx2, ("httpx2",)),
    Contender("httpx on httpx-aiohttp, json=", peers.httpx_aiohttp, ("httpx_aiohttp",)),
    Contender(REFERENCE, peers.aiohttp, ("aiohttp",)),
    Contender("aiohttp, orjson", peers.aiohttp_orjson, ("aiohttp",)),
    Contender("pyreqwest, orjson", peers.pyreqwest, ("pyreqwest",)),
    Contender("raw protocol, the limit", raw_limit),
)
COLUMNS: tuple[Column, ...] = (
    cpu("µs CPU/request"),
    ratio(),
    per_second("requests/s"),
    faults("faults/request"),
)


def main() -> None:
    """Measure and print, one table for each number of requests in flight."""
    options = Options.read(
        __doc__, rounds=7, in_flight=(50,), requests=5000, uvloop=False, plain=False
    )
    with nginx(ANSWER, uses_tls=not options.others.plain) as server:
        tables = [_table(options, server, most) for most in options.others.in_flight]
    publish(options.program, tables, options.json)


def _table(options: Options, server: Server, most: int) -> Table:
    count = options.sized(options.others.requests, 100)
    loop = "uvloop" if options.others.uvloop else "asyncio"
    results = measure(
        [evolve(one, loop=loop) for one in options.chosen(CONTENDERS)],
        server.settings | {"in_flight": most},
        count=count,
        warm_up=count // 5 + most,
        rounds=options.rounds,
    )
    facts = {"server": server.name, "in_flight": most, "requests": count, "loop": loop}
    way = "TLS" if server.ca else "plain HTTP"
    title = f"inject over {way}, {most} in flight, {loop}"
    return Table(title=title, columns=COLUMNS, results=results, reference=REFERENCE, facts=facts)


if __name__ == "__main__":
    main()
