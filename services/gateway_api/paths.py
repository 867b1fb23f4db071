"""The path of a request, decoded part by part, so that an encoded slash cannot become a separator."""

from urllib.parse import unquote

_SLASH = "%2F"


def decoded_path(raw_path: bytes) -> str:
    """Return `raw_path` with its percent-encoding undone, but for slashes: those stay `%2F`.

    What is not UTF-8 becomes U+FFFD, which no name may hold.
    """
    return "/".join(unquote(part).replace("/", _SLASH) for part in raw_path.decode("latin-1").split("/"))
