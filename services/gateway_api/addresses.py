"""The address that a request is counted under."""

import ipaddress


def counted_address(host: str) -> str:
    """Return `host`, or its /64 network if it is an IPv6 address, as one machine commonly has all of those."""
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, 64), strict=False))
