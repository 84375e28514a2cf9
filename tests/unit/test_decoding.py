"""Decoding apart: the same pixels as in the worker's own process, and what a hostile picture costs."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from db.errors import BrokenImage, ImageTooLarge, UnsupportedImage
from tests.hostile import pictures as hostile
from tests.unit import pictures
from worker import decoding
from worker.decoding import Decoders, is_suspicious
from worker.encoder.preprocess import Preprocessing

CLIP = Preprocessing(224, 224, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
ROOT = Path(__file__).parents[2]


def decoder_that(body: str) -> tuple[str, ...]:
    """The command of a decoding process in which decoding is something else."""
    code = (
        "import ctypes, sys, time; from worker import decoding as d\n"
        f"def decode(data, at_least): {body}\n"
        "d.decode_scaled = decode; d.main(sys.argv[1:])"
    )
    return (sys.executable, "-c", code)


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    made = Decoders()
    yield made
    made.close()
    assert not processes()


def processes() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE
            and str(os.getpid()) == one.cmdline()[-1]]  # fmt: skip


@pytest.mark.parametrize("name", pictures.every_kind())
def test_a_picture_decoded_apart_has_the_same_pixels(name: str, decoders: Decoders) -> None:
    data = pictures.every_kind()[name]
    assert np.array_equal(decoders.array(CLIP, data, apart=True), CLIP.array(data))


def test_ordinary_pictures_start_no_process(decoders: Decoders) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP"):
        data = pictures.saved(pictures.photo(300, 200), kind)
        assert np.array_equal(decoders.array(CLIP, data), CLIP.array(data))
    assert not processes()


def test_one_process_serves_picture_after_picture(decoders: Decoders) -> None:
    data = pictures.saved(pictures.photo(300, 200), "TIFF")
    seen = set()
    for _ in range(3):
        decoders.array(CLIP, data)
        seen |= {one.pid for one in processes()}
    assert len(seen) == 1


def test_what_is_suspicious() -> None:
    progressive = pictures.jpeg(600, 400, progressive=True)
    assert not is_suspicious("image/jpeg", progressive)
    assert is_suspicious("image/jpeg", hostile.scans(64, 30))
    assert is_suspicious("image/avif", b"") and is_suspicious("image/tiff", b"")
    assert not is_suspicious("image/png", hostile.png(99, 99))


def test_large_pictures_are_decoded_apart_up_to_the_full_limit(decoders: Decoders) -> None:
    data = hostile.png(5000, 4100, 0)
    assert decoders.array(CLIP, data).shape == (224, 224, 3)
    assert len(processes()) == 1
    with pytest.raises(ImageTooLarge):
        decoders.array(CLIP, hostile.png(8000, 8000, 0, 1))


def test_refusals_come_through_with_their_words(decoders: Decoders) -> None:
    tiff = pictures.saved(pictures.photo(300, 200), "TIFF")
    with pytest.raises(BrokenImage, match="TIFF picture cannot be decoded"):
        decoders.array(CLIP, tiff[:5000])
    with pytest.raises(ImageTooLarge, match="a side may be"):
        decoders.array(CLIP, hostile.grey_tiff(40_000, 4))
    with pytest.raises(UnsupportedImage):
        decoders.array(CLIP, b"<svg/>", apart=True)
    assert decoders.array(CLIP, tiff).shape == (224, 224, 3)
    assert len(processes()) == 1


def test_a_crash_is_tried_once_more_and_costs_the_picture_alone(tmp_path: Path) -> None:
    mark = tmp_path / "crashes"
    crash = f"open({str(mark)!r}, 'a').write('x'); ctypes.string_at(0)"
    crashing = Decoders(command=decoder_that(crash))
    data = pictures.saved(pictures.photo(300, 200), "PNG")
    with pytest.raises(BrokenImage, match="died"):
        crashing.array(CLIP, data, apart=True)
    assert mark.read_text() == "xx"
    assert not processes()
    assert crashing.array(CLIP, data).shape == (224, 224, 3), "here it is decoded well"


def test_a_hang_ends_in_time_and_is_not_tried_again(tmp_path: Path) -> None:
    mark = tmp_path / "hangs"
    hang = f"open({str(mark)!r}, 'a').write('x'); time.sleep(60)"
    hanging = Decoders(1.0, decoder_that(hang))
    begun = time.monotonic()
    with pytest.raises(BrokenImage, match="too long"):
        hanging.array(CLIP, pictures.saved(pictures.photo(30, 20), "TIFF"))
    assert time.monotonic() - begun < 5
    assert mark.read_text() == "x"
    assert not processes()


def test_a_flood_of_memory_is_a_picture_that_is_too_large() -> None:
    flooding = Decoders(command=decoder_that("return bytearray(3 * 1024**3)"))
    with pytest.raises(ImageTooLarge, match="memory"):
        flooding.array(CLIP, pictures.saved(pictures.photo(30, 20), "TIFF"))
    flooding.close()


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"width": "x"}', "x" * 5000])
def test_nonsense_from_the_process_is_a_broken_picture(line: str) -> None:
    speaking = Decoders(command=(sys.executable, "-c", f"print({line!r}, flush=True)"))
    with pytest.raises(BrokenImage):
        speaking.array(CLIP, pictures.saved(pictures.photo(30, 20), "TIFF"))
    assert not processes()


def test_a_jpeg_of_thousands_of_scans_ends_in_time(decoders: Decoders) -> None:
    begun = time.monotonic()
    with pytest.raises(BrokenImage):
        decoders.array(CLIP, hostile.scans(4000, 100_000))
    assert time.monotonic() - begun < decoding.WALL_SECONDS


def test_threads_have_a_process_each_and_hostile_neighbours_cost_nothing(
    decoders: Decoders,
) -> None:
    good = pictures.saved(pictures.photo(300, 200), "TIFF")
    found: list[object] = []

    def work(data: bytes) -> None:
        for _ in range(5):
            try:
                found.append(decoders.array(CLIP, data).shape)
            except BrokenImage:
                found.append("broken")

    threads = [threading.Thread(target=work, args=(data,)) for data in (good, good[:900])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count((224, 224, 3)) == 5 and found.count("broken") == 5


def test_the_process_knows_no_secrets_and_no_torch_and_is_replaced_when_it_died(
    decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTLINE_DATABASE_URL", "postgresql://secret")
    decoders.array(CLIP, pictures.saved(pictures.photo(30, 20), "TIFF"))
    (process,) = processes()
    assert "SIGHTLINE_DATABASE_URL" not in process.environ()
    assert not [one for one in process.memory_maps() if "torch" in one.path]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert decoders.array(CLIP, pictures.saved(Image.new("L", (9, 9)), "TIFF")) is not None
