"""The refusals of the protocol itself, before an engine is asked: code, text and HTTP status as at Binance.

Source: `errors.md` and "HTTP return codes" in `rest-api.md` of Binance's spot documentation, and the error codes of the
USD-M futures documentation.
"""

from services.simulator.engine.refusal import Refusal

#: Status of codes that are not answered with 400.
STATUSES = {-1002: 401, -2014: 401, -2015: 401, -1015: 429, -1000: 500, -1007: 408, -1008: 503, -5000: 404}


class TooManyRequests(Refusal):
    """The limit of an address is used up (429), or it went on regardless (418); `retry_after` is in seconds."""

    def __init__(self, status: int, message: str, retry_after: int) -> None:
        super().__init__(-1003, message)
        self.status = status
        self.retry_after = retry_after


class WithStatus(Refusal):
    """A refusal with a status of its own, and perhaps more in its answer: `detail` is the field `data`."""

    def __init__(self, status: int, code: int, message: str, detail: object = None) -> None:
        super().__init__(code, message)
        self.status = status
        self.detail = detail


def illegal_text() -> Refusal:
    return Refusal(-1100, "Illegal characters found in a parameter.")


def illegal(parameter: str, legal: str) -> Refusal:
    return Refusal(-1100, f"Illegal characters found in parameter '{parameter}'; legal range is '{legal}'.")


def too_many_parameters(expected: int, received: int) -> Refusal:
    return Refusal(-1101, f"Too many parameters; expected '{expected}' and received '{received}'.")


def duplicate_parameter() -> Refusal:
    return Refusal(-1101, "Duplicate values for a parameter detected.")


def either(one: str, other: str) -> Refusal:
    return Refusal(-1102, f"Param '{one}' or '{other}' must be sent, but both were empty/null!")


def unread(read: int, sent: int) -> Refusal:
    return Refusal(-1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.")


def empty(parameter: str) -> Refusal:
    return Refusal(-1105, f"Parameter '{parameter}' was empty.")


def overflow(parameter: str) -> Refusal:
    return Refusal(-1108, f"Parameter '{parameter}' overflowed.")


def no_depth() -> Refusal:
    return Refusal(-1112, "No orders on book for symbol.")


def invalid_interval() -> Refusal:
    return Refusal(-1120, "Invalid interval.")


def no_listen_key() -> Refusal:
    return Refusal(-1125, "This listenKey does not exist.")


def too_many_hours(hours: int) -> Refusal:
    return Refusal(-1127, f"More than {hours} hours between startTime and endTime.")


def invalid_data(parameter: str) -> Refusal:
    return Refusal(-1130, f"Data sent for parameter '{parameter}' is not valid.")


def window_too_long() -> Refusal:
    return Refusal(-1131, "recvWindow must be less than 60000")


def invalid_json(parameter: str) -> Refusal:
    return Refusal(-1135, f"JSON sent for parameter '{parameter}' is not valid")


def duplicate_symbols() -> Refusal:
    return Refusal(-1151, "Symbol is present multiple times in the list.")


def too_old() -> Refusal:
    return Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")


def too_early() -> Refusal:
    return Refusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")


def wrong_signature() -> Refusal:
    return Refusal(-1022, "Signature for this request is not valid.")


def malformed_key() -> Refusal:
    return Refusal(-2014, "API-key format invalid.")


def unknown_key() -> Refusal:
    return Refusal(-2015, "Invalid API-key, IP, or permissions for action.")


def too_many_orders(limit: int, interval: str) -> Refusal:
    return Refusal(-1015, f"Too many new orders; current limit is {limit} orders per {interval}.")


def no_such_path(method: str, path: str) -> Refusal:
    return Refusal(-5000, f"Path {path}, Method {method} is invalid")


def body_too_large() -> Refusal:
    return WithStatus(413, -1101, "Too many parameters sent for this endpoint.")


def unexpected() -> Refusal:
    return Refusal(-1000, "An unknown error occurred while processing the request.")


def invalid_depth_limit(limit: int) -> Refusal:
    return Refusal(-4021, f"{limit} is not valid depth limit")


def start_after_end() -> Refusal:
    return Refusal(-1023, "Start time is greater than end time.")
