"""Fetches pictures from URLs that strangers name; only public addresses, pinned when checked."""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3
from urllib3.util import Timeout

from db.errors import FetchFailed, FetchRefused, ImageTooLarge
from db.images import Limits
from db.settings import Settings

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
MAX_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)

REFUSED_V4 = [
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32",
        "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24",
        "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
GLOBAL_V6 = ipaddress.ip_network("2000::/3")
REFUSED_V6 = [
    ipaddress.ip_network(block)
    for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48")
]

Resolve = Callable[[str, int], list[str]]


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet; `ipaddress.is_global` alone does not do."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in block for block in REFUSED_V4)
    return parsed in GLOBAL_V6 and not any(parsed in block for block in REFUSED_V6)


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host. Raises FetchFailed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchFailed("The URL's host cannot be resolved.") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Fetcher:
    """Resolves once, checks every address, connects to the one that was checked."""

    ports: frozenset[int]
    allowed: frozenset[str]
    """`host:port` pairs that pass whatever their address is."""
    resolve: Resolve = resolve

    @classmethod
    def of(cls, settings: Settings) -> "Fetcher":
        """From the settings."""
        return cls(
            frozenset(int(port) for port in settings.fetch_ports.split(",") if port.strip()),
            frozenset(pair.strip() for pair in settings.fetch_allow.split(",") if pair.strip()),
        )

    def get(self, url: str) -> bytes:
        """The body, at most a picture's size. Raises FetchRefused, FetchFailed, ImageTooLarge."""
        deadline = time.monotonic() + TOTAL_SECONDS
        for _ in range(MAX_REDIRECTS + 1):
            target = self._checked(url)
            response = self._request(url, target, deadline)
            try:
                if response.status not in REDIRECTS:
                    return _body(response, deadline)
                url = urljoin(url, response.headers.get("Location", ""))
            finally:
                response.close()
        raise FetchFailed(f"The URL redirects more than {MAX_REDIRECTS} times.")

    def _checked(self, url: str) -> "Target":
        parts = _split(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = parts.hostname or ""
        if f"{host}:{port}" in self.allowed:
            return Target(parts, host, port, self.resolve(host, port)[0])
        if port not in self.ports:
            raise FetchRefused(f"Port {port} is not allowed in a URL.")
        addresses = self.resolve(host, port)
        if not addresses or not all(is_public(address) for address in addresses):
            raise FetchRefused("The URL does not lead to a public address.")
        return Target(parts, host, port, addresses[0])

    def _request(self, url: str, target: "Target", deadline: float) -> urllib3.BaseHTTPResponse:
        left = max(0.1, deadline - time.monotonic())
        timeout = Timeout(connect=min(CONNECT_SECONDS, left), read=left, total=left)
        pool = target.pool(timeout)
        path = (target.parts.path or "/") + (f"?{target.parts.query}" if target.parts.query else "")
        try:
            return pool.urlopen(
                "GET", path, redirect=False, retries=False, preload_content=False,
                headers={"Host": target.host_header, "User-Agent": "sightline", "Accept": "image/*",
                         "Accept-Encoding": "identity"},
            )  # fmt: skip
        except (urllib3.exceptions.HTTPError, ssl.SSLError, OSError) as error:
            raise FetchFailed("The URL cannot be fetched.") from error


@dataclass(frozen=True)
class Target:
    """A URL with the one address that was checked for it."""

    parts: SplitResult
    host: str
    port: int
    address: str

    @property
    def host_header(self) -> str:
        """The host as the server knows it."""
        standard = 443 if self.parts.scheme == "https" else 80
        return self.host if self.port == standard else f"{self.host}:{self.port}"

    def pool(self, timeout: Timeout) -> urllib3.HTTPConnectionPool:
        """Connections to the checked address alone; TLS still verifies the name."""
        if self.parts.scheme == "https":
            return urllib3.HTTPSConnectionPool(
                self.address, self.port, timeout=timeout, retries=False,
                server_hostname=self.host, assert_hostname=self.host,
            )  # fmt: skip
        return urllib3.HTTPConnectionPool(self.address, self.port, timeout=timeout, retries=False)


def _split(url: str) -> SplitResult:
    if any(ord(character) <= 32 or ord(character) == 127 for character in url) or "\\" in url:
        raise FetchRefused("The URL holds a character that URLs do not have.")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise FetchRefused("The URL cannot be read.") from error
    if parts.scheme not in ("http", "https"):
        raise FetchRefused("Only http and https URLs are fetched.")
    if "@" in parts.netloc or not parts.hostname:
        raise FetchRefused("The URL must name a host, and no user.")
    if not parts.hostname.isascii():
        raise FetchRefused("Write the URL's host in ASCII (punycode).")
    return parts


def _body(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    if response.status != 200:
        raise FetchFailed(f"The URL answered {response.status}.")
    limit = Limits().max_bytes
    received = bytearray()
    try:
        # One read of the socket at a time, so that a slow drip meets the deadline.
        while chunk := response.read1(64 * 1024):
            received += chunk
            if len(received) > limit:
                raise ImageTooLarge(f"The picture is larger than {limit // 1024**2} MB.")
            if time.monotonic() > deadline:
                raise FetchFailed(f"The URL took longer than {TOTAL_SECONDS:.0f} s.")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise FetchFailed("The URL broke off while it was fetched.") from error
    return bytes(received)
