"""Which URLs the workers may open: their form, their port, and the addresses behind their host.

The guard is for addresses that strangers name: pictures, imports and webhooks. Here is what can be
said without a packet; `worker.fetch` resolves, connects and bounds what comes back.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from db.errors import FetchRefused
from db.settings import Settings

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = {"http": 80, "https": 443}
REFUSED_V4 = [
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32",
        "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24",
        "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
"""Private, shared, reserved and multicast; 168.63.129.16 is a cloud's own and looks public."""
GLOBAL_V6 = ipaddress.ip_network("2000::/3")
"""What is routed at all: NAT64, mapped and compatible forms of IPv4 lie outside."""
REFUSED_V6 = [
    ipaddress.ip_network(block)
    for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48")
]
"""Teredo and 6to4 hold IPv4 addresses; the others are for documents and protocols."""

NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
"""A last label by which `inet_aton` may read the whole host as an IPv4 address."""
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
QUOTED = "%/:=&?~#+!$,;'@()*[]"
"""What is left as it is in a path; the rest is percent-encoded."""


@dataclass(frozen=True)
class Place:
    """Where a URL leads, by its own words; `address` where its host is one and no name."""

    scheme: str
    host: str
    port: int
    path: str
    """The path with the query, percent-encoded."""
    address: str | None

    @property
    def pair(self) -> str:
        """`host:port`, with brackets around an IPv6 address."""
        return f"{self._bracketed}:{self.port}"

    @property
    def host_header(self) -> str:
        """The host as the server knows it."""
        return self._bracketed if self.port == PORTS[self.scheme] else self.pair

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


@dataclass(frozen=True)
class Doors:
    """The ports that are open to all public addresses, and the pairs that are open whatever."""

    ports: frozenset[int]
    allowed: frozenset[str] = frozenset()
    """`host:port` pairs that pass whatever their address is."""

    @classmethod
    def of(cls, settings: Settings) -> "Doors":
        """From `SIGHTLINE_FETCH_PORTS` and `SIGHTLINE_FETCH_ALLOW`."""
        ports, allowed = settings.fetch_ports.split(","), settings.fetch_allow.split(",")
        return cls(
            frozenset(int(port) for port in ports if port.strip()),
            frozenset(pair.strip().lower() for pair in allowed if pair.strip()),
        )

    def place(self, url: str) -> Place:
        """Where a URL leads. Raises FetchRefused for what its words alone forbid."""
        place = read(url)
        if place.pair in self.allowed:
            return place
        if place.port not in self.ports:
            raise FetchRefused(f"Port {place.port} is not allowed in a URL.")
        if place.address is not None:
            self.admit(place, [place.address])
        return place

    def admit(self, place: Place, addresses: Sequence[str]) -> None:
        """Let a place's addresses pass: one that is not public is enough. Raises FetchRefused."""
        if place.pair in self.allowed:
            return
        if not addresses or not all(is_public(address) for address in addresses):
            raise FetchRefused("The URL does not lead to a public address.")


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet; `ipaddress.is_global` alone does not do."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in block for block in REFUSED_V4)
    if parsed.scope_id is not None:
        return False
    return parsed in GLOBAL_V6 and not any(parsed in block for block in REFUSED_V6)


def read(url: str) -> Place:
    """A URL in its parts. Raises FetchRefused for a form that two readers might read differently."""
    _check_characters(url)
    parts = _split(url)
    if parts.scheme not in PORTS:
        raise FetchRefused("Only http and https URLs are fetched.")
    if not parts.netloc.isascii():
        raise FetchRefused("Write the URL's host in ASCII (punycode).")
    host = parts.hostname
    if "@" in parts.netloc or not host:
        raise FetchRefused("The URL must name a host, and no user.")
    address = _literal(host, bracketed="[" in parts.netloc)
    query = f"?{parts.query}" if parts.query else ""
    return Place(
        parts.scheme, host, PORTS[parts.scheme] if parts.port is None else parts.port,
        quote((parts.path or "/") + query, safe=QUOTED), address,
    )  # fmt: skip


def joined(url: str, reference: str) -> str:
    """Where a reference leads that stands in what a URL answered. Raises FetchRefused."""
    # `urljoin` drops tabs and line ends, and takes `http:host` for a path.
    _check_characters(reference)
    if SCHEME.match(reference):
        return reference
    try:
        return urljoin(url, reference)
    except ValueError as error:
        raise FetchRefused("The URL cannot be read.") from error


def _check_characters(url: str) -> None:
    if not url.isprintable() or " " in url or "\\" in url:
        raise FetchRefused("The URL holds a character that URLs do not have.")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise FetchRefused("The URL cannot be read.") from error
    return parts


def _literal(host: str, bracketed: bool) -> str | None:
    """The address that a host is; None for a name. Raises FetchRefused for what is neither."""
    try:
        if bracketed:
            return str(ipaddress.IPv6Address(host))
        if NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            return str(ipaddress.IPv4Address(host))
    except ValueError as error:
        raise FetchRefused("The URL's host is no address that is written in full.") from error
    if not NAME.fullmatch(host) or host == "localhost" or host.endswith(".localhost"):
        raise FetchRefused("The URL's host is no public name.")
    return None
