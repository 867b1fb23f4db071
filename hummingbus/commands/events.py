"""`hummingbus events`: the events of all services as they come, one line each."""

import asyncio
from collections.abc import Callable
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from hummingbus.commands import session
from shared.contracts.catalogue import EVENT_SERVICES
from shared.contracts.declaration import OUTSIDE
from shared.events.envelope import Envelope, encode
from shared.events.reader import Gap, StreamReader


def matches(event: Envelope, kind: str | None, account: str | None, bot: str | None) -> bool:
    """Return whether `event` is of a kind that begins with `kind` and concerns `account` and `bot`, where given."""
    return (
        (kind is None or event.kind == kind or event.kind.startswith(kind.rstrip(".") + "."))
        and (account is None or event.account == account)
        and (bot is None or event.bot == bot)
    )


def line(event: Envelope) -> str:
    """Return `event` as a line for people."""
    data = msgspec.json.decode(event.data, type=dict[str, object])
    facts = " ".join(f"{name}={value}" for name, value in data.items())
    when = f"{event.time.astimezone():%Y-%m-%d %H:%M:%S}"
    return f"[dim]{when}[/dim] [bold]{escape(event.kind)}[/bold] {escape(facts)} [dim]by {escape(event.actor)}[/dim]"


class _Printer(Console):
    """A console that leaves the end to us when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def events(
    *,
    kind: Annotated[str | None, typer.Option(help="Only kinds that begin so, as credentials.account.")] = None,
    account: Annotated[str | None, typer.Option(help="Only events of this account.")] = None,
    bot: Annotated[str | None, typer.Option(help="Only events of this bot.")] = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with the oldest event that is kept.")] = False,
    count: Annotated[int | None, typer.Option(help="End after so many events.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")] = False,
) -> None:
    """Follow the events of all services until Ctrl-C."""
    console = _Printer()

    def show(event: Envelope) -> None:
        if as_json:
            typer.echo(encode(event))
        else:
            console.print(line(event), soft_wrap=True, highlight=False)

    session.run(lambda: _follow(show, lambda event: matches(event, kind, account, bot), from_start, count))


async def _follow(
    show: Callable[[Envelope], None], wanted: Callable[[Envelope], bool], from_start: bool, count: int | None
) -> None:
    over = asyncio.Event()
    shown = 0

    def take(event: Envelope) -> None:
        nonlocal shown
        if over.is_set() or not wanted(event):
            return
        try:
            show(event)
        except BrokenPipeError:  # as after `| head`: whoever read has seen enough
            session.let_go_of_output()
            over.set()
        shown += 1
        if shown == count:
            over.set()

    def tell(gap: Gap) -> None:
        session.errors.print(f"Events of {gap.service} after {gap.after} are no longer kept.", style="yellow")

    async with session.open_bus() as bus:
        after = 0 if from_start else None
        readers = [StreamReader(bus.settings, OUTSIDE, service, after, take, on_gap=tell) for service in EVENT_SERVICES]
        for reader in readers:
            await reader.start()
        try:
            await over.wait()
        finally:
            for reader in readers:
                await reader.stop()
