"""`GET /events`: everything that happens, as server-sent events."""

from typing import Annotated, Any

from litestar import Router, get
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter, QueryParameter

from services.gateway_api.documents.operation import operation
from services.gateway_api.errors import unprocessable
from services.gateway_api.stream.feed import EventFeed, EventStream
from services.gateway_api.stream.filters import EventFilter
from services.gateway_api.stream.positions import LETTERS, Position, parse
from shared.errors import FieldError
from shared.names import NAME_MAX_LENGTH

_DESCRIPTION = """\
Server-sent events, in the order in which they happened within each service. Each has an `id`, an `event` (its kind, as
`credentials.account.created`) and `data`: a JSON object with `seq`, `service`, `kind`, `time`, `actor`, `account`,
`bot`, `trace`, `event_id` and the event's own `data`.

Without an id the stream begins with what happens from now on; its first lines tell the present id. With `Last-Event-ID`
it begins after that id. An event of the kind `gap` says that events are left out, and which; what was known of their
service is to be read anew. Its `reason` is `expired` where they are no longer kept, or `unknown_id` where the id is
ahead of everything that there is: it comes from another installation, or from before a database was set back.
"""

_EXAMPLE = """\
retry: 2000
id: c11

id: c12
event: credentials.account.created
data: {"seq":12,"service":"credentials","kind":"credentials.account.created","time":"2026-01-05T10:00:00.123456Z",\
"actor":"admin","account":"alice","bot":null,"trace":null,"event_id":12,"data":{"account_name":"alice","version":1}}

"""

_MAX_VALUES = 100
_MAX_KIND = 200


def _listed(name: str, description: str, example: str) -> Any:
    return QueryParameter(
        name=name,
        required=False,
        description=f"{description} Several: repeat it, or separate them by commas.",
        examples=[Example(value=[example])],
    )


Kinds = Annotated[list[str] | None, _listed("kind", "Beginning of the kinds to give.", "credentials.account")]
Accounts = Annotated[list[str] | None, _listed("account", "Account that events concern.", "master_account")]
Bots = Annotated[list[str] | None, _listed("bot", "Bot that events concern.", "grid-1")]
Services = Annotated[list[str] | None, _listed("service", "Service that events come from.", "credentials")]
LastEventId = Annotated[
    str | None,
    HeaderParameter(name="Last-Event-ID", required=False, description="Give what came after this id.", max_length=200),
]
LastEventIdQuery = Annotated[
    str | None,
    QueryParameter(
        name="last_event_id",
        required=False,
        description="As the header `Last-Event-ID`, which goes before it.",
        max_length=200,
        examples=[Example(value="c12")],
    ),
]


def event_routes(feed: EventFeed) -> Router:
    """Return the route, which reads from `feed`."""

    @get(
        "/events",
        **operation(
            "follow_events",
            "Follow events",
            str,
            _EXAMPLE,
            tag="Events",
            errors=(422,),
            media_type="text/event-stream",
            description=_DESCRIPTION,
        ),
    )
    async def follow_events(  # noqa: PLR0917 - Litestar passes them by name
        kind: Kinds = None,
        account: Accounts = None,
        bot: Bots = None,
        service: Services = None,
        last_event_id: LastEventId = None,
        last_event_id_query: LastEventIdQuery = None,
    ) -> EventStream:
        wanted = EventFilter(
            kinds=tuple(_values("kind", kind, _MAX_KIND)),
            accounts=frozenset(_values("account", account, NAME_MAX_LENGTH)),
            bots=frozenset(_values("bot", bot, 2 * NAME_MAX_LENGTH)),
            services=frozenset(_values("service", service, NAME_MAX_LENGTH)),
        )
        if not wanted.services <= LETTERS.keys():
            raise unprocessable(FieldError(("query", "service"), "Expected names of services", "value_error"))
        return feed.open(wanted, _position(last_event_id, last_event_id_query))

    return Router("/", route_handlers=[follow_events])


def _values(name: str, given: list[str] | None, longest: int) -> list[str]:
    """Return the values of a parameter that may be repeated and separated by commas.

    Raises:
        HttpError: 422 if there are too many or one is empty or too long.
    """
    values = [value.strip() for text in given or () for value in text.split(",")]
    if len(values) > _MAX_VALUES or any(not 0 < len(value) <= longest for value in values):
        message = f"Expected up to {_MAX_VALUES} values of 1 to {longest} characters"
        raise unprocessable(FieldError(("query", name), message, "value_error"))
    return values


def _position(header: str | None, query: str | None) -> Position | None:
    """Return where the reader stopped, None if it says nothing of that.

    Raises:
        HttpError: 422 if the id is none of ours.
    """
    for place, text in ((("header", "Last-Event-ID"), header), (("query", "last_event_id"), query)):
        if text:
            try:
                return parse(text)
            except ValueError as fault:
                raise unprocessable(FieldError(place, str(fault), "value_error")) from None
    return None
