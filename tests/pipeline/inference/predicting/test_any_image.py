"""Whatever a file holds, it is read or refused by name: pieces of real images and IDX files, changed and joined."""

from __future__ import annotations

import functools
import gzip
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipeline.inference.predicting.picture import ImageError
from pipeline.inference.predicting.reading import read_pictures
from pipeline.printable import printable

SIDE = 24


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@functools.cache
def samples() -> tuple[bytes, ...]:
    """Valid files of every kind that is read, and of some that are refused by name."""
    values = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 4), dtype=np.uint8)
    colour, grey = Image.fromarray(values), Image.fromarray(values[..., 0])
    text, exif = PngInfo(), Image.Exif()
    text.add_text("comment", "some text " * 50, zip=True)
    exif[0x0112] = 6
    images = b"\0\0\x08\x03" + np.array([3, 28, 28], ">u4").tobytes() + bytes(3 * 28 * 28)
    return (
        saved(grey, "PNG"),
        saved(colour, "PNG", pnginfo=text, exif=exif),
        saved(Image.fromarray(values[..., 0].astype(np.uint16) * 257), "PNG", transparency=0),
        saved(colour.convert("RGB").quantize(16), "PNG", transparency=3, icc_profile=b"profile" * 20),
        saved(grey, "JPEG", exif=exif),
        saved(colour.convert("RGB"), "JPEG", progressive=True, comment=b"a comment"),
        saved(colour.convert("CMYK"), "JPEG"),
        saved(grey, "MPO", save_all=True, append_images=[grey]),
        saved(grey, "PNG", save_all=True, append_images=[colour.convert("L")]),
        saved(grey, "GIF"),
        saved(grey, "WEBP"),
        saved(grey, "TIFF"),
        saved(grey, "BMP"),
        images,
        gzip.compress(images, mtime=0),
    )


# Bytes that mean something in these files: lengths, markers, ends.
TELLING = st.sampled_from(
    [
        b"\0",
        b"\xff",
        b"\xff\xff\xff\xff",
        b"\x7f\xff\xff\xff",
        b"\0\0\0\0",
        b"\xff\xd9",
        b"\xff\xda",
        b"\xff\xfe\0\0",
    ]
)


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """A valid file, changed, cut, or joined with a piece of another."""
    content = bytearray(draw(st.sampled_from(samples())))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        piece = draw(TELLING | st.binary(min_size=1, max_size=4))
        change = draw(st.sampled_from(["overwrite", "insert", "cut", "cut out", "splice"]))
        if change == "overwrite":
            content[at : at + len(piece)] = piece
        elif change == "insert":
            content[at:at] = piece
        elif change == "cut":
            del content[at:]
        elif change == "cut out":
            del content[at : at + draw(st.integers(1, 60))]
        else:
            other = draw(st.sampled_from(samples()))
            content[at:] = other[draw(st.integers(0, len(other))) :]
    return bytes(content)


def read_or_refused(content: bytes, name: str, argument: Callable[[Path], str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            pictures = read_pictures([argument(path)])
        except ImageError as error:
            message = str(error)
            assert str(path) in message
            assert message == printable(message)
            assert len(message) < 1000 + len(folder)
        else:
            for picture in pictures:
                assert picture.pixels.shape == (28, 28)
                assert picture.pixels.dtype == np.uint8


@given(contents())
def test_an_image_file_is_read_or_refused_by_name(content: bytes) -> None:
    read_or_refused(content, "shirt", str)


@given(contents(), st.sampled_from(["shirts", "t10k-images-idx3-ubyte.gz", "t10k-images.idx3-ubyte"]))
def test_an_idx_file_is_read_or_refused_by_name(content: bytes, name: str) -> None:
    read_or_refused(content, name, lambda path: f"{path}#0-2")


def test_every_sample_is_what_it_should_be(tmp_path: Path) -> None:
    """So that the changed ones are not refused at their first bytes."""
    for number, content in enumerate(samples()[:8]):
        (tmp_path / str(number)).write_bytes(content)
        read_pictures([str(tmp_path / str(number))])
