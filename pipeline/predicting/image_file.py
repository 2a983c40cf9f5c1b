"""Opens a PNG or JPEG file that nobody has vouched for: what it is and how large is known before it is decoded."""

from __future__ import annotations

import io
import os
import stat
import struct
import warnings
import zlib
from pathlib import Path
from typing import NoReturn

from PIL import Image, UnidentifiedImageError

from pipeline.predicting.picture import ImageError
from pipeline.printable import printable

MAX_FILE_BYTES = 64 << 20
MAX_PIXELS = 64_000_000  # decoded, 4 bytes each at the most; a phone's photograph has 12 to 50 million
# MPO: a JPEG file with further pictures behind the first, as many phones write it.
ACCEPTED = ("PNG", "JPEG", "MPO")
# Also opened, but only to be refused by name.
_NAMED = ("GIF", "WEBP", "BMP", "TIFF", "ICO")
# What Pillow raises for damaged files, depending on where the damage is.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError, KeyError)
_BEGINNINGS = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive (or an office document)",
    b"\x1f\x8b": "gzip data; a row of an IDX file is named as FILE#17",
    b"\x00\x00\x08\x03": "an IDX file; a row of it is named as FILE#17",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML document",
    b"<!DOC": "an HTML page",
    b"<html": "an HTML page",
}
_BRANDS = (b"heic", b"heix", b"mif1", b"avif", b"hevc")


def open_image(path: Path, source: str) -> Image.Image:
    """The first picture of a PNG or JPEG file, decoded, as it is stored: not yet turned as its EXIF data say.

    Raises:
        ImageError: no such file or no permission; not an image, or of another format; too large; animated; damaged.
    """
    content = _read(path, source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's on sizes and metadata: the limits here are narrower
        image = _identify(content, source)
        frames = _frames(image, source)
        if image.format not in ACCEPTED:
            more = f" with {frames} frames" if frames > 1 else ""
            _refuse(source, f"a {image.format} image{more}", "Convert it to PNG or JPEG.")
        if image.format == "PNG" and frames > 1:
            _refuse(
                source, f"an animated PNG with {frames} frames", "Save the frame that counts as an image."
            )
        width, height = image.size
        if width * height > MAX_PIXELS:
            _refuse(
                source,
                f"{width}×{height}, which is {width * height:,} pixels",
                f"At most {MAX_PIXELS:,} are decoded. Make it smaller.",
            )
        try:
            if image.format == "PNG":
                Image.open(io.BytesIO(content), formats=("PNG",)).verify()  # the checksums
            if not (_has_png_end(content) if image.format == "PNG" else _has_jpeg_end(content)):
                raise EOFError("its end is missing")
            image.load()
        except _DAMAGE as error:
            _refuse(
                source,
                f"a {image.format} file that is truncated or damaged ({printable(str(error))[:200]})",
                "Get the file again.",
                error,
            )
    return image


def _read(path: Path, source: str) -> bytes:
    with _opened(path, source) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            _refuse(source, "something that is not a plain file", "Save it to a file first.")
        if status.st_size > MAX_FILE_BYTES:
            _refuse(source, f"{status.st_size:,} bytes", f"At most {MAX_FILE_BYTES:,} are read.")
        try:
            return file.read(MAX_FILE_BYTES)
        except OSError as error:
            _refuse(source, error.strerror or str(error), "Check the disk.", error)


def _opened(path: Path, source: str) -> io.FileIO:
    try:
        # Not blocking: a pipe that nobody writes to would never open.
        return io.FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))
    except FileNotFoundError as error:
        _refuse(source, "no such file", "Correct the path.", error)
    except IsADirectoryError as error:
        _refuse(source, "a folder", "Name the image files in it.", error)
    except OSError as error:
        _refuse(source, error.strerror or str(error), "Check the path and its permissions.", error)


def _identify(content: bytes, source: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content), formats=("PNG", "JPEG", *_NAMED))
    except Image.DecompressionBombError as error:
        _refuse(source, str(error), f"At most {MAX_PIXELS:,} pixels are decoded. Make it smaller.", error)
    except UnidentifiedImageError as error:
        _refuse(source, _look(content), "Convert it to PNG or JPEG.", error)
    except _DAMAGE as error:
        _refuse(source, f"a damaged image ({printable(str(error))[:200]})", "Get the file again.", error)


def _frames(image: Image.Image, source: str) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except _DAMAGE as error:
        _refuse(
            source, f"a damaged {image.format} image ({printable(str(error))[:200]})", "Get it again.", error
        )


def _has_png_end(content: bytes) -> bool:
    """Whether the chunk IEND is there, with its checksum (PNG specification, 11.2.5)."""
    return b"IEND\xaeB`\x82" in content


def _has_jpeg_end(content: bytes) -> bool:
    """Whether there is an end-of-image marker after the first scan begins: decoders make up what is missing.

    Segments have their lengths (ITU-T T.81, B.1.1.4), and a preview among them has scans and an end of its own.
    """
    position = 2
    while content[position : position + 1] == b"\xff":
        marker = content[position + 1 : position + 2]
        if marker == b"\xff":  # padding
            position += 1
            continue
        if marker == b"\xda":
            return b"\xff\xd9" in content[position:]
        position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    return False


def _look(content: bytes) -> str:
    """What the content, of no image that is known here, seems to be."""
    if not content:
        return "an empty file"
    if content[4:8] == b"ftyp" and content[8:12] in _BRANDS:
        return "a HEIC or AVIF image"
    if content.startswith((b"\x89PNG", b"\xff\xd8\xff")):
        return "the beginning of an image, without the rest of its header"
    for beginning, what in _BEGINNINGS.items():
        if content.lstrip()[:5].lower().startswith(beginning.lower()):
            return what
    return f"no image; it begins with the bytes {content[:8].hex(' ')}"


def _refuse(source: str, received: str, advice: str, cause: BaseException | None = None) -> NoReturn:
    raise ImageError(
        f"Reading {printable(source)}: expected a PNG or JPEG image. Received: {received}. {advice}"
    ) from cause
