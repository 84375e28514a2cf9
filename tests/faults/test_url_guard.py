"""Every forbidden URL is refused, named directly or by a redirect, before a packet leaves."""

from collections.abc import Sequence

import pytest

from db.addresses import Doors
from db.errors import FetchRefused, SightlineError
from tests.faults.trap import START, Trap
from worker.fetch import Fetcher

PUBLIC = "93.184.215.14"
V4 = ("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200",
      "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255",
      "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.1",
      "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255")  # fmt: skip
V6 = ("::1", "::", "0:0:0:0:0:0:0:1", "::127.0.0.1", "::7f00:1", "::ffff:127.0.0.1",
      "::ffff:7f00:1", "::ffff:93.184.215.14", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
      "64:ff9b::169.254.169.254", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
      "2001:0:7f00:1::", "2001:20::1", "2001:db8::1", "2620:4f:8000::1", "3fff::1", "5f00::1",
      "100::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "ff05::2")  # fmt: skip
SPELLED = ("2130706433", "0x7f000001", "0x7F.1", "017700000001", "0177.0.0.1", "0177.0.0.01",
           "127.1", "127.0.1", "0", "0x0", "00000", "127.0.0.1.", "0x7f.0x0.0x0.0x1",
           "127.000.000.001", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "1.2.3.4.5",
           "256.256.256.256", "4294967296", "0x", "①②⑦.⓪.⓪.①", "１２７.０.０.１", "127。0。0。1",
           "127.0.0.1%2e", "%31%32%37.0.0.1", "[127.0.0.1]", "[::1%lo]", "[::1%25lo]",
           "[fe80::1%25eth0]", "[2606:4700::1111%25lo]", "[::1", "::1]", "[v1.fe80]")  # fmt: skip
NAMES = ("localhost", "LOCALHOST", "localhost.", "a.localhost", "ⓛocalhost", "localhost%00",
         "public.example.", ".public.example", "public..example", "public.example%2f")  # fmt: skip
FORMS = ("file:///etc/passwd", "ftp://{host}/", "gopher://{host}/_x", "ws://{host}/", "data:,x",
         "jar:http://{host}!/x", "dict://{host}/", "http://user@{host}/", "http://u:p@{host}/",
         "http://@{host}/", "http://public.example@127.0.0.1:{port}/", "http:///{host}/",
         "http:{host}/", "http://public.example:22/", "http://public.example:0/",
         "http://public.example:65536/", "http://public.example:-1/", "http://public.example:８０/",
         "http://{host}\\@public.example/", "http://public.example\\.localhost/",
         "http://public\t.example/", "http://127.0.0.1\t/", "http://public.example/\x01",
         "http://public.example /", "http://public.example/\x7f", "http://pub\u00adlic.example/",
         "http://public\u200b.example/", "http://public.example\u2044x/",
         "http://public.example\uff0f@127.0.0.1/")  # fmt: skip
RESOLVED = {
    "private.example": ["10.0.0.1"], "loop.example": ["127.0.0.1"], "loop6.example": ["::1"],
    "mixed.example": [PUBLIC, "10.0.0.1"], "mixed6.example": ["2606:4700::1111", "fd00::1"],
    "mapped.example": ["::ffff:127.0.0.1"], "nat64.example": ["64:ff9b::7f00:1"],
    "zone.example": ["2606:4700::1111%lo"], "odd.example": ["no address"], "none.example": [],
    "metadata.example": ["169.254.169.254"], "redis": ["172.17.0.2"],
}  # fmt: skip


def forbidden(port: int) -> dict[str, list[str]]:
    """The URLs by kind, all towards the trap's port where a form can say so."""
    return {
        "IPv4 addresses": [f"http://{host}:{port}/" for host in V4],
        "IPv6 addresses": [f"http://[{host}]:{port}/" for host in V6],
        "spellings": [f"http://{host}:{port}/" for host in SPELLED],
        "names": [f"http://{host}:{port}/" for host in NAMES],
        "other forms": [f.format(host=f"127.0.0.1:{port}", port=port) for f in FORMS],
        "resolved": [f"https://{host}:{port}/" for host in RESOLVED],
    }


def resolve(host: str, port: int) -> list[str]:
    """Names without an entry are public: only their form can forbid them."""
    return ["127.0.0.1"] if host == START else RESOLVED.get(host, [PUBLIC])


def refused(fetcher: Fetcher, url: str) -> bool:
    """Whether the guard refuses a URL; another error is none of its refusals."""
    try:
        fetcher.get(url)
    except FetchRefused:
        return True
    except SightlineError:
        return False
    return False


def run(more: Sequence[str] = ()) -> dict[str, dict[str, int]]:
    """Try every form directly and by redirect; counts by kind, and what reached the trap.

    Prints a table of them. `more` are further URLs, counted as `others`.
    """
    counted: dict[str, dict[str, int]] = {}
    with Trap() as trap:
        doors = Doors(frozenset([trap.port, 80, 443]), frozenset([trap.door]))
        fetcher = Fetcher(doors, resolve, trap.connect)
        for kind, urls in (forbidden(trap.port) | {"others": list(more)}).items():
            before = trap.connections, len(trap.attempts)
            direct = sum(refused(fetcher, url) for url in urls)
            redirected = sum(_refused_by_redirect(trap, fetcher, url) for url in urls)
            trap.settle()
            counted[kind] = {
                "forms": len(urls), "refused": direct, "refused by redirect": redirected,
                "attempts": len(trap.attempts) - before[1],
                "connections": trap.connections - before[0],
            }  # fmt: skip
    columns = list(counted["others"])
    print(f"{'':16}" + "".join(f"{name:>21}" for name in columns))
    for kind, row in counted.items():
        print(f"{kind:16}" + "".join(f"{row[name]:>21}" for name in columns))
    return counted


def _refused_by_redirect(trap: Trap, fetcher: Fetcher, url: str) -> bool:
    trap.location = url.encode()
    return refused(fetcher, f"http://{trap.door}/")


def test_every_forbidden_url_is_refused_and_no_packet_reaches_the_trap() -> None:
    counted = run()
    assert sum(row["forms"] for row in counted.values()) >= 80
    for kind, row in counted.items():
        assert row["refused"] == row["refused by redirect"] == row["forms"], kind
        assert row["attempts"] == row["connections"] == 0, kind


def test_the_trap_sees_connections_and_a_peer_that_was_not_checked_is_refused() -> None:
    others = run(["http://public.example/", "https://8.8.8.8/"])["others"]
    assert others["attempts"] == others["connections"] == 4
    assert others["refused"] == others["refused by redirect"] == 2


@pytest.mark.parametrize("form", ["//{host}/", "/\\{host}/", "\\\\{host}/", "///{host}/"])
def test_relative_redirects_are_read_as_urls(form: str) -> None:
    with Trap() as trap:
        fetcher = Fetcher(
            Doors(frozenset([trap.port]), frozenset([trap.door])), resolve, trap.connect
        )
        trap.location = form.format(host=f"127.0.0.1:{trap.port}").encode()
        with pytest.raises(SightlineError):
            fetcher.get(f"http://{trap.door}/")
        trap.settle()
        assert (trap.connections, trap.attempts) == (0, [])
