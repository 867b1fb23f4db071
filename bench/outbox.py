"""From the outbox to a consumer: how many events a second, how late, and what JetStream alone does in the same run.

    python -m bench.outbox [--seconds 10] [--rate 5000]

Starts a PostgreSQL and a NATS of its own. A service (commands and relay) and a consumer run as processes of their own,
as they do in production; the latency of an event is the time from the write of its row, before the commit, until the
consumer has it.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
import psutil

from hummingbus.stack.nats_server import NatsServer
from hummingbus.stack.postgres_server import PostgresServer
from shared.bus.connection import connect
from shared.contracts.declaration import Event
from shared.database import tables
from shared.database.pool import Database
from shared.database.unit_of_work import UnitOfWork, Work
from shared.events.consumer import Consumer
from shared.events.envelope import Envelope
from shared.events.inbox import Inbox
from shared.events.position import current_position
from shared.events.reader import StreamReader
from shared.events.relay import Relay
from shared.settings import DatabaseSettings
from shared.telemetry.logs import configure_logs

SERVICE = "bench"
#: Events of one transaction, when a rate is to be reached, and transactions at a time.
TOGETHER = 10
WRITERS = 8
#: How events are taken in: by a reader, by a durable consumer that does nothing else, by one with an effect.
READS, TAKES, INSERTS = "reads", "takes", "inserts"


class Tick(msgspec.Struct, frozen=True):
    """The payload: about what an event of ours carries."""

    account_name: str
    connector_name: str
    version: int


TICK = Event(SERVICE, "tick", "told", Tick, "It ticked.", keys=("account_name",), account="account_name")


async def make_tables(settings: DatabaseSettings) -> None:
    """Make the tables of the service."""
    database = Database(settings, SERVICE)
    await database.start()
    await database.execute(f"CREATE SCHEMA {SERVICE}")
    for sql in (
        tables.outbox(),
        tables.idempotency(),
        tables.inbox(),
        "CREATE TABLE effects (id bigint GENERATED ALWAYS AS IDENTITY, seq bigint)",
    ):
        await database.execute(sql)
    await database.stop()


async def write(settings: DatabaseSettings, pipe: Connection, rate: float, count: int, together: int) -> None:
    """Commit `count` events, `together` a transaction, `rate` a second in all; tell what it cost."""
    database = Database(settings, SERVICE)
    await database.start()
    relay = Relay(settings, SERVICE, database)
    await relay.start()
    while not relay.leading:  # noqa: ASYNC110 - a figure, not a signal
        await asyncio.sleep(0.05)
    work = UnitOfWork(database, relay)
    numbers = iter(range(count // together))
    started, cpu = time.perf_counter(), time.process_time()
    pipe.send(time.time())
    most_behind = 0

    async def writer() -> None:
        nonlocal most_behind
        for number in numbers:
            await asyncio.sleep(max(started + number * together / rate - time.perf_counter(), 0))

            async def effect(inside: Work) -> None:
                for version in range(together):
                    inside.emit(TICK, Tick("master_account", "binance_perpetual", version))

            await work.change("bench", effect)
            most_behind = max(most_behind, relay.lag())

    await asyncio.gather(*(writer() for _ in range(WRITERS)))
    total = await database.fetchval("SELECT count(*) FROM outbox")
    while relay.published < total:  # noqa: ASYNC110 - a figure, not a signal
        await asyncio.sleep(0.01)
    pipe.send((most_behind, (time.process_time() - cpu) / count * 1e6))
    await relay.stop()
    await database.stop()


async def drain(settings: DatabaseSettings, pipe: Connection, rate: float, count: int, together: int) -> None:
    """Commit `count` events while nothing relays, then relay them; tell what that cost."""
    database = Database(settings, SERVICE)
    await database.start()
    relay = Relay(settings, SERVICE, database)
    work = UnitOfWork(database, None)
    for _ in range(count // together):
        await work.tell("bench", *((TICK, Tick("master_account", "binance_perpetual", n)) for n in range(together)))
    cpu = time.process_time()
    pipe.send(time.time())
    await relay.start()
    total = await database.fetchval("SELECT count(*) FROM outbox")
    while relay.published < total:  # noqa: ASYNC110 - a figure, not a signal
        await asyncio.sleep(0.01)
    pipe.send((count, (time.process_time() - cpu) / count * 1e6))
    await relay.stop()
    await database.stop()


async def read(settings: DatabaseSettings, pipe: Connection, count: int, how: str) -> None:
    """Take `count` more events in, as `how` says; tell when the last was in, and all latencies in milliseconds."""
    late: list[float] = []
    full = asyncio.Event()
    cpu = time.process_time()

    def note(event: Envelope) -> None:
        late.append((time.time() - event.time.timestamp()) * 1e3)
        if len(late) >= count:
            full.set()

    async def effect(work: Work, event: Envelope) -> None:
        if how == INSERTS:
            await work.connection.execute("INSERT INTO effects (seq) VALUES ($1)", event.seq)
        note(event)

    database = Database(settings, SERVICE)
    await database.start()
    async with database.transaction() as connection:
        position = await current_position(connection)
        await Inbox(how, SERVICE).open(connection, position.seq)
    reader = StreamReader(settings, SERVICE, SERVICE, position.seq, note)
    consumer = Consumer(settings, SERVICE, how, SERVICE, effect, database=database)
    part = reader if how == READS else consumer
    await part.start()
    pipe.send("ready")
    await full.wait()
    pipe.send((time.time(), late, (time.process_time() - cpu) / count * 1e6))
    await part.stop()
    await database.stop()


async def bare(settings: DatabaseSettings, seconds: float) -> tuple[float, float]:
    """Publish what an event weighs to a stream: one after the other, and in batches of 512; return events a second."""
    connection = await connect(settings, "bare")
    js = connection.jetstream()
    subject = f"{settings.namespace}.bare"
    await js.add_stream(name=f"{settings.namespace}-bare", subjects=[subject])
    body = b"x" * 330
    rates = []
    for size in (1, 512):
        count, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            for number in range(size - 1):
                await connection.publish(subject, body, headers={"Nats-Msg-Id": f"{size}-{count + number}"})
            await connection.request(subject, body, timeout=5, headers={"Nats-Msg-Id": f"{size}-{count + size - 1}"})
            count += size
        rates.append(count / (time.perf_counter() - started))
    await connection.close()
    return rates[0], rates[1]


def _process(body: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> tuple[Any, Connection]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_run, args=(body, arguments[0], theirs, *arguments[1:])
    )
    process.start()
    return process, ours


def _run(body: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> None:
    configure_logs("ERROR")
    asyncio.run(body(*arguments))


def measure(
    settings: DatabaseSettings,
    servers: tuple[int, int],
    title: str,
    *,
    rate: float,
    count: int,
    together: int,
    how: str,
    tell: Callable[..., Coroutine[Any, Any, None]] = write,
) -> None:
    """Tell in one process, read in another, and print what came of it."""
    before = _cpu(servers)
    reader, from_reader = _process(read, settings, count, how)
    from_reader.recv()
    writer, from_writer = _process(tell, settings, rate, count, together)
    began = from_writer.recv()
    behind, writer_cpu = from_writer.recv()
    ended, late, reader_cpu = from_reader.recv()
    writer.join()
    reader.join()
    used = [(after - earlier) / count * 1e6 for after, earlier in zip(_cpu(servers), before, strict=True)]
    cuts = statistics.quantiles(late, n=100)
    print(
        f"{title:<44} {count / (ended - began):7.0f} events/s   p50 {cuts[49]:6.1f} ms   p99 {cuts[98]:6.1f} ms"
        f"   behind at most {behind:5d}   CPU us/event: service {writer_cpu:4.0f}, consumer {reader_cpu:4.0f},"
        f" PostgreSQL {used[0]:4.0f}, NATS {used[1]:4.0f}"
    )


def _cpu(servers: tuple[int, int]) -> list[float]:
    """Return the seconds of CPU that each server has used, with its children, those that ended included."""
    seconds = []
    for pid in servers:
        server = psutil.Process(pid)
        own = server.cpu_times()
        children = [child.cpu_times() for child in server.children(recursive=True)]
        ended = own.children_user + own.children_system
        seconds.append(own.user + own.system + ended + sum(child.user + child.system for child in children))
    return seconds


async def _servers(folder: Path) -> tuple[PostgresServer, NatsServer, DatabaseSettings]:
    postgres, nats = PostgresServer(folder / "postgres"), NatsServer(folder / "nats")
    await postgres.start()
    await nats.start()
    settings = DatabaseSettings.model_validate(
        {
            "NATS_URL": nats.url,
            "DATABASE_URL": postgres.url,
            "HUMMINGBUS_NAMESPACE": "bench",
            "DATABASE_CONNECTIONS": WRITERS,
        }
    )
    await make_tables(settings)
    return postgres, nats, settings


def main() -> None:
    """Run all and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=5_000.0)
    chosen = parser.parse_args()
    many = int(chosen.rate * chosen.seconds)
    with tempfile.TemporaryDirectory(prefix="hb-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        postgres, nats, settings = asyncio.run(_servers(folder))
        try:
            pids = (postgres.pid or 0, nats.pid or 0)
            one, batched = asyncio.run(bare(settings, 2.0))
            print(f"{'JetStream alone, one publish at a time':<44} {one:7.0f} events/s")
            print(f"{'JetStream alone, 512 publishes an answer':<44} {batched:7.0f} events/s")
            rate, at = chosen.rate, f"{chosen.rate:.0f}/s"
            few = int(200 * chosen.seconds)
            title = "one event a transaction, 200/s, reader"
            measure(settings, pids, title, rate=200, count=few, together=1, how=READS)
            for title, how in (
                (f"{at}, reader", READS),
                (f"{at}, durable consumer, inbox alone", TAKES),
                (f"{at}, durable consumer, an INSERT each", INSERTS),
            ):
                measure(settings, pids, title, rate=rate, count=many, together=TOGETHER, how=how)
            # Its lateness counts from when the events were written, while nothing relayed.
            measure(settings, pids, "a backlog, reader", rate=rate, count=many, together=500, how=READS, tell=drain)
        finally:
            asyncio.run(nats.stop())
            asyncio.run(postgres.stop())


if __name__ == "__main__":
    main()
