"""Connections to hosts that a user named, made to the very address that was checked."""

import ipaddress
import socket

# 6to4, Teredo and the NAT64 prefixes carry an IPv4 address inside, which could be a private one.
TUNNELS = [
    ipaddress.ip_network(net)
    for net in ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48", "::/96")
]
LOCAL_PREFIX = ipaddress.ip_network("192.0.0.0/24")

Address = tuple[socket.AddressFamily, tuple]


class HostRefused(Exception):
    """This host must not be connected to from here; the text says why, for a person to read."""


def is_public(text: str) -> bool:
    """Whether an address is out on the internet, not on this machine or its network.

    >>> [is_public(each) for each in ("8.8.8.8", "10.1.2.3", "169.254.169.254", "::ffff:127.0.0.1")]
    [True, False, False, False]
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_public(str(address.ipv4_mapped))
        if address.is_site_local or any(address in net for net in TUNNELS):
            return False
    elif address in LOCAL_PREFIX:
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )


def check_host(host: str, port: int, *, allow_private: bool) -> list[Address]:
    """The host's addresses; HostRefused when any of them is one that must not be reached.

    Raises OSError when the name is not known. The resolver brings its own time limit.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise HostRefused(f"“{host[:200]}” is not a host name.") from None
    addresses: list[Address] = [(family, address) for family, _, _, _, address in found]
    if not allow_private:
        for _, address in addresses:
            if not is_public(address[0]):
                raise HostRefused(
                    f"{host} is at {address[0]}, on a private network, "
                    "which this installation does not connect to."
                )
    return addresses


def connect(addresses: list[Address], *, timeout: float) -> socket.socket:
    """A connection to the first of these checked addresses that answers; OSError if none does."""
    tried = addresses[:3]
    problem = OSError("The host has no address.")
    for family, address in tried:
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(timeout / len(tried))
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            problem = error
        else:
            return connection
    raise problem
