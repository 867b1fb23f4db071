"""ccxt's errors in our words. Texts are those of the exchange, without addresses and secrets."""

import json
import re
from collections.abc import Iterable

import ccxt

from shared.exchanges.errors import (
    DuplicateOrder,
    ExchangeDown,
    ExchangeError,
    KeysRefused,
    NotEnoughBalance,
    OrderNotKnown,
    RateLimited,
    Refused,
    StaleRequest,
    Unsupported,
)
from shared.exchanges.unanswered import Unanswered

#: The first that fits counts, so the special come before the general.
#: Source: the hierarchy in `ccxt/base/errors.py`.
_MEANINGS: tuple[tuple[type[Exception], type[ExchangeError]], ...] = (
    (ccxt.NotSupported, Unsupported),
    (ccxt.DuplicateOrderId, DuplicateOrder),
    (ccxt.OrderNotFound, OrderNotKnown),
    (ccxt.OrderNotCached, OrderNotKnown),
    (ccxt.InsufficientFunds, NotEnoughBalance),
    (ccxt.InvalidNonce, StaleRequest),
    (ccxt.AuthenticationError, KeysRefused),
    (ccxt.RateLimitExceeded, RateLimited),
    (ccxt.DDoSProtection, RateLimited),
    (ccxt.OnMaintenance, ExchangeDown),
    (ccxt.RequestTimeout, Unanswered),
    (ccxt.NetworkError, Unanswered),
    (ccxt.CancelPending, Refused),
    (ccxt.BadResponse, Unanswered),
    (ccxt.OperationFailed, Unanswered),
    (ccxt.ExchangeError, Refused),
)

_LONGEST = 300
_URL = re.compile(r"\b(?:https?|wss?)://\S+", re.IGNORECASE)
#: Names of parameters whose values are keys, signatures or the like, in queries, headers and JSON.
_SECRET_PARAMETER = re.compile(
    r"(?i)([\w-]*(?:api[_-]?key|secret|signature|passphrase|password|token|listenkey|mbx-apikey)[\w-]*)"
    r"(\"?\s*[=:]\s*\"?)[^&\s\",}]+"
)
_CODE = re.compile(r'"(?:code|ret_?code|error_?code|sCode|err-code)"\s*:\s*"?(-?[\w.-]{1,40})"?', re.IGNORECASE)
_REASONS = ("msg", "message", "retMsg", "ret_msg", "sMsg", "err-msg", "error", "errorMessage", "label", "error_message")


def scrubbed(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text that can be shown: no URL, no value of a secret parameter, none of `secrets`; shortened."""
    for secret in secrets:
        text = text.replace(secret, "…")
    text = _SECRET_PARAMETER.sub(r"\1\2…", _URL.sub("…", text))
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def meaning_of(error: Exception, secrets: Iterable[str] = ()) -> ExchangeError:
    """Return what an error of ccxt means, with the exchange's reason.

    An error that is none of ccxt's was raised while an answer was read, so the answer was not of its form.
    """
    if isinstance(error, ExchangeError):
        return error
    if not isinstance(error, ccxt.BaseError):
        return Unanswered("its answer could not be read")
    text = str(error)
    reason = scrubbed(_reason_in(text), secrets)
    for kind, meaning in _MEANINGS:
        if isinstance(error, kind):
            if issubclass(meaning, Refused):
                code = _CODE.search(text)
                return meaning(reason, code.group(1) if code else None)
            return meaning(reason)
    return Unanswered(reason)


def _reason_in(text: str) -> str:
    """Return the exchange's own words in a message of ccxt's, which is `<id> <body of the answer>` mostly."""
    head, brace, body = text.partition("{")
    if brace:
        try:
            answer = json.loads(brace + body)
        except ValueError:
            return text
        found = _words_of(answer)
        return found or text
    return head.partition(" ")[2] or text


def _words_of(answer: object) -> str:
    if isinstance(answer, dict):
        for name in _REASONS:
            value = answer.get(name)
            if isinstance(value, str) and value:
                return value
            if isinstance(value, list) and value and isinstance(value[0], str):
                return value[0]
        for value in answer.values():
            found = _words_of(value)
            if found:
                return found
    if isinstance(answer, list) and answer:
        return _words_of(answer[0])
    return ""
