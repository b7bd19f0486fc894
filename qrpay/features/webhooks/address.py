"""Which addresses we call: https on the public internet. Checked at registration, and again at every connect.

Names are resolved here, every address is checked, and the connection goes to exactly one of those: a name that
answers differently the second time (DNS rebinding) gains nothing.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL  # the same parser that aiohttp connects by, so that no two readings of a URL differ

from qrpay.settings import Settings

PORTS: Final = frozenset({443, 8443})
LOOKUP_S: Final = 5.0

_REFUSED_4: Final = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
_GLOBAL_6: Final = ip_network("2000::/3")
"""IPv6 that is routed at all. Loopback, mapped (::ffff:0:0/96), NAT64, local, link-local, multicast lie outside."""
_REFUSED_6: Final = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_PLAIN: Final = re.compile(r"[!-\[\]-~]+\Z")  # printable ASCII without blank and backslash

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""A host's addresses. Raises OSError when there are none."""


class AddressRefusedError(OSError):
    """We do not connect there; the text says why."""


async def system_lookup(host: str, port: int) -> Sequence[str]:
    """The addresses the system's resolver knows."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Gate:
    """Decides where webhooks may go. `loopback` lets them reach this machine, for the demo's own receiver only."""

    def __init__(self, settings: Settings, lookup: Lookup = system_lookup) -> None:
        self.loopback = settings.webhook_loopback
        self.lookup = lookup
        own = URL(settings.url).raw_host
        self._own = {name.strip().lower() for name in (own or "", settings.host, *settings.hosts.split(","))} - {""}

    def url_defect(self, text: str) -> str | None:
        """Why this URL is refused by its looks alone; None when it is not."""
        try:
            assert _PLAIN.match(text)
            url = URL(text)
            host, port = (url.raw_host or "").lower().rstrip("."), url.port
        except (AssertionError, ValueError):
            return "This is no URL in plain ASCII."
        if not host or not url.absolute:
            return "This is no absolute URL."
        if "@" in url.raw_authority:
            return "A URL with a user name or password is refused."
        if self.loopback and _is_loopback(host):
            return None if url.scheme in ("http", "https") else "Only http and https are spoken."
        if url.scheme != "https":
            return "Only https is called."
        if port not in PORTS:
            return f"Port {port} is refused."
        return self._host_defect(host)

    def _host_defect(self, host: str) -> str | None:
        if host in self._own:
            return "This is our own address."
        address = _address(host)
        if address is not None:
            return self.address_defect(host)
        try:
            socket.inet_aton(host)  # 127.1, 0177.0.0.1, 2130706433, 0x7f.1
        except OSError:
            return None if "." in host else "A host name needs a domain."
        return "Write an address with four decimal numbers."

    def address_defect(self, text: str) -> str | None:
        """Why this IP address is refused; None when it is public, or loopback and that is let in."""
        address = _address(text)
        if address is None:
            return f"{text} is no address."
        if self.loopback and _is_loopback(text):
            return None
        if isinstance(address, IPv4Address):
            refused = any(address in network for network in _REFUSED_4)
        else:
            refused = address not in _GLOBAL_6 or any(address in network for network in _REFUSED_6)
        return f"{address} is not on the public internet." if refused else None

    async def defect(self, text: str) -> str | None:
        """Why this URL is refused, its name resolved and every address checked; None when it may be called."""
        if defect := self.url_defect(text):
            return defect
        url = URL(text)
        try:
            await self.addresses(url.raw_host or "", url.port or 443)
        except AddressRefusedError as refused:
            return str(refused)
        except (OSError, TimeoutError):
            return "The host name does not resolve."
        return None

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """The addresses behind a host, each checked. Raises AddressRefusedError when one of them is refused."""
        if _address(host) is not None:
            found: Sequence[str] = [host]
        else:
            async with asyncio.timeout(LOOKUP_S):
                found = await self.lookup(host, port)
        for address in found:
            if defect := self.address_defect(address):
                raise AddressRefusedError(defect)
        return found

    def socket(self, info: "tuple[Any, ...]") -> socket.socket:
        """The socket of one connection: the last moment before it is made, for names and plain addresses alike."""
        family, kind, proto, _, sockaddr = info
        if defect := self.address_defect(str(sockaddr[0])):
            raise AddressRefusedError(defect)
        return socket.socket(family, kind, proto)


class CheckedResolver(AbstractResolver):
    """Hands aiohttp the addresses that were checked, and no others."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The checked addresses of a host."""
        return [
            ResolveResult(
                hostname=host, host=address, port=port, proto=socket.IPPROTO_TCP, flags=socket.AI_NUMERICHOST,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            )
            for address in await self._gate.addresses(host, port)
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing is held."""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return False
    return host == "localhost" if address is None else address.is_loopback
