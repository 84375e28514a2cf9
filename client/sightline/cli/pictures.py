"""Pictures in the terminal, where it says that it can: iTerm2's, kitty's and the sixel protocol."""

import base64
import io
import os
import re
import select
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sightline.cli.show import called, out
from sightline.client import Sightline
from sightline.errors import SightlineProblem
from sightline.words import one_line

KITTY_PIECE = 4096
"""Bytes of base64 that kitty takes at a time."""
CELLS = 24
"""Columns that a picture takes."""
PATIENCE = 0.3
"""Seconds within which a terminal says what it can."""
SIXEL_COLOURS = 128


def show_pictures(server: Sightline, catalog: str, items: Sequence[Mapping[str, Any]]) -> None:
    """Each item's thumbnail below its name; where the terminal shows none, a link."""
    spoken = protocol(os.environ, sys.stdout.isatty())
    for item in items:
        pictured = pictured_id(item)
        if pictured is None:
            continue
        out().print(f"{called(item)} ({one_line(item['id'])})")
        shown = _drawn(server, catalog, pictured, spoken)
        if shown is None:
            out().print(f"  {one_line(server.picture_url(catalog, pictured), 2_000)}")
        else:
            sys.stdout.write(shown + "\n")
            sys.stdout.flush()


def pictured_id(item: Mapping[str, Any]) -> str | None:
    """The id of the item whose picture shows this one: of a text, the page that it stands on."""
    if item["sha256"]:
        return str(item["id"])
    return f"{item['document_id']}.p{item['page']}" if item["document_id"] else None


def _drawn(server: Sightline, catalog: str, item_id: str, spoken: str | None) -> str | None:
    if spoken is None:
        return None
    try:
        return drawn(server.picture(catalog, item_id, "thumbnail"), spoken)
    except SightlineProblem:  # a slide that was not drawn
        return None


def protocol(environment: Mapping[str, str], is_terminal: bool) -> str | None:
    """`iterm`, `kitty` or `sixel`, where the terminal says that it speaks one; else None."""
    if not is_terminal or environment.get("TERM") == "dumb":
        return None
    if "TMUX" not in environment:  # it swallows what it does not know
        program = environment.get("TERM_PROGRAM", "")
        if program in ("iTerm.app", "WezTerm") or environment.get("LC_TERMINAL") == "iTerm2":
            return "iterm"
        if environment.get("TERM") in ("xterm-kitty", "xterm-ghostty") \
                or "KITTY_WINDOW_ID" in environment:  # fmt: skip
            return "kitty"
    return "sixel" if _has_sixel(_asked()) else None


def _has_sixel(answer: str) -> bool:
    """Whether a terminal's answer to "what are you?" (DA1) names sixel, which is 4."""
    match = re.search(r"\x1b\[\?([\d;]*)c", answer)
    return match is not None and "4" in match[1].split(";")


def _asked() -> str:
    """What the terminal answers when it is asked what it is; empty where it says nothing."""
    try:
        import termios
        import tty

        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except (ImportError, OSError):  # not every system has such terminals
        return ""
    try:
        former = termios.tcgetattr(terminal)
        try:
            tty.setcbreak(terminal)
            os.write(terminal, b"\x1b[c")
            return _answer_of(terminal)
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, former)
    except (OSError, termios.error):
        return ""
    finally:
        os.close(terminal)


def _answer_of(terminal: int) -> str:
    said = b""
    while not said.endswith(b"c") and len(said) < 256:
        if not select.select([terminal], [], [], PATIENCE)[0]:
            break
        said += os.read(terminal, 64)
    return said.decode("ascii", "replace")


def drawn(data: bytes, spoken: str) -> str | None:
    """A picture in a protocol's words; None where pillow would be needed and is not installed."""
    if spoken == "iterm":
        encoded = base64.b64encode(data).decode()
        return f"\x1b]1337;File=inline=1;size={len(data)};width={CELLS}:{encoded}\a"
    try:
        from PIL import Image
    except ImportError:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG"]) as image:
            return _kitty(image.convert("RGB")) if spoken == "kitty" else sixel(image)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _kitty(image: Any) -> str:
    """As PNG, in pieces."""
    made = io.BytesIO()
    image.save(made, "PNG")
    encoded = base64.b64encode(made.getvalue()).decode()
    pieces = [encoded[at : at + KITTY_PIECE] for at in range(0, len(encoded), KITTY_PIECE)]
    last = len(pieces) - 1
    heads = [f"a=T,f=100,c={CELLS}," if at == 0 else "" for at in range(len(pieces))]
    return "".join(
        f"\x1b_G{head}m={int(at < last)};{piece}\x1b\\"
        for at, (head, piece) in enumerate(zip(heads, pieces, strict=True))
    )


def sixel(image: Any) -> str:
    """In bands of six rows, each colour of a band drawn over the one before."""
    small = image.convert("RGB")
    small.thumbnail((256, 256))
    flat = small.quantize(SIXEL_COLOURS)
    palette = flat.getpalette() or []
    width, height = flat.size
    pixels = flat.tobytes()
    said = [f'\x1bPq"1;1;{width};{height}']
    for colour in sorted(set(pixels)):
        red, green, blue = (part * 100 // 255 for part in palette[colour * 3 : colour * 3 + 3])
        said.append(f"#{colour};2;{red};{green};{blue}")
    for top in range(0, height, 6):
        rows = [pixels[y * width : (y + 1) * width] for y in range(top, min(top + 6, height))]
        said.append("$".join(_band(rows, colour) for colour in sorted(set(b"".join(rows)))) + "-")
    return "".join(said) + "\x1b\\"


def _band(rows: Sequence[bytes], colour: int) -> str:
    """Six rows of one colour, a character a column."""
    columns = zip(*rows, strict=True)
    return f"#{colour}" + "".join(
        chr(63 + sum(1 << y for y, one in enumerate(column) if one == colour)) for column in columns
    )
