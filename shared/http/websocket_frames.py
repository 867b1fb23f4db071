"""WebSocket frames from the server, made once for all sockets that they go to: servers don't mask (RFC 6455, 5.1)."""

_TEXT = 0x81


def text_frame(payload: bytes) -> bytes:
    """Return an unfragmented, uncompressed text frame with `payload`, which is UTF-8."""
    size = len(payload)
    if size < 126:
        return bytes((_TEXT, size)) + payload
    if size < 1 << 16:
        return bytes((_TEXT, 126)) + size.to_bytes(2, "big") + payload
    return bytes((_TEXT, 127)) + size.to_bytes(8, "big") + payload
