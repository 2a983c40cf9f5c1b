"""Opens a PNG or JPEG file that nobody has vouched for: what it is and how large is known before it is decoded."""

from __future__ import annotations

import io
import os
import struct
import time
import warnings
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from pipeline.inference.predicting.picture import ImageError
from pipeline.inference.predicting.png_file import missing_part, without_texts
from pipeline.plain_files import FOLDER, NotPlain, open_plain
from pipeline.printable import printable

MAX_FILE_BYTES = 64 << 20
MAX_PIXELS = 64_000_000  # decoded, 4 bytes each at the most; a phone's photograph has 12 to 50 million
MAX_SECONDS = 60.0  # of decoding; a photograph takes one or two
_BLOCK = 1 << 12  # bytes that are decoded between two looks at the clock
_PNG = b"\x89PNG\r\n\x1a\n"
_SPREAD = {"L;2": 85, "L;4": 17}  # Pillow's names of the depths, and 255 divided by the largest value
# MPO: a JPEG file with further pictures behind the first, as many phones write it.
ACCEPTED = ("PNG", "JPEG", "MPO")
# Also opened, but only to be refused by name.
_NAMED = ("GIF", "WEBP", "BMP", "TIFF", "ICO")
# What Pillow raises for damaged files, found by damaging some: it documents nothing of it.
_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, LookupError, TypeError),
    *(ArithmeticError, AttributeError, AssertionError, RuntimeError),
)
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


class _Damaged(Exception):
    """The decoder does not take the file; the message says why."""


class _TooSlow(Exception):
    """Decoding has taken longer than a picture is worth."""


class _Reader(io.BytesIO):
    """Hands out the file until `deadline` (of time.monotonic): a small file can describe years of decoding."""

    def __init__(self, content: bytes, deadline: float) -> None:
        super().__init__(content)
        self._deadline = deadline

    def read(self, size: int | None = -1, /) -> bytes:
        if time.monotonic() > self._deadline:
            raise _TooSlow
        return super().read(size)


def open_image(path: Path, source: str, seconds: float = MAX_SECONDS) -> Image.Image:
    """The first picture of a PNG or JPEG file, decoded, as it is stored: not yet turned as its EXIF data say.

    It is Pillow, and libjpeg below it, that say what is damaged; but they do not say all: see missing_part.

    Raises:
        ImageError: no such file or no permission; not an image, or of another format; too large; animated; damaged;
            not decoded in so many seconds.
    """
    content = _read(path, source)
    deadline = time.monotonic() + seconds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's on sizes and metadata: the limits here are narrower
        try:
            return _decoded(content, source, deadline)
        except _TooSlow as error:
            _refuse(
                source, f"more than {seconds:g} s of decoding", "Save it anew, or make it smaller.", error
            )
        except _Damaged as error:
            aside = without_texts(content) if content.startswith(_PNG) else content
            if len(aside) < len(content):
                with suppress(_Damaged, _TooSlow):
                    return _decoded(aside, source, deadline)
            _refuse(source, str(error), "Get the file again.", error)


def _decoded(content: bytes, source: str, deadline: float) -> ImageFile:
    """The picture. Raises ImageError for one that is not to be read, _Damaged, and _TooSlow."""
    image = _identify(_Reader(content, deadline), content, source)
    frames = _frames(image)
    if image.format not in ACCEPTED:
        more = f" with {frames} frames" if frames > 1 else ""
        _refuse(source, f"a {image.format} image{more}", "Convert it to PNG or JPEG.")
    if image.format == "PNG" and frames > 1:
        _refuse(source, f"an animated PNG with {frames} frames", "Save the frame that counts as an image.")
    width, height = image.size
    if width * height > MAX_PIXELS:
        _refuse(
            source,
            f"{width}×{height}, which is {width * height:,} pixels",
            f"At most {MAX_PIXELS:,} are decoded. Make it smaller.",
        )
    try:
        if image.format == "PNG":
            Image.open(_Reader(content, deadline), formats=("PNG",)).verify()  # the checksums
            missing = missing_part(content)
            _scale_colour_key(image)
        else:
            missing = None if _has_jpeg_end(content, deadline) else "its end is missing"
        if missing:
            raise EOFError(missing)
        image.decodermaxblock = _BLOCK
        image.load()
    except _DAMAGE as error:
        said = printable(str(error))[:200]
        raise _Damaged(f"a {image.format} file that is truncated or damaged ({said})") from error
    return image


def _read(path: Path, source: str) -> bytes:
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE_BYTES:
                _refuse(source, f"{size:,} bytes", f"At most {MAX_FILE_BYTES:,} are read.")
            return file.read(size)
    except FileNotFoundError as error:
        _refuse(source, "no such file", "Correct the path.", error)
    except NotPlain as error:
        what = "Name the image files in it." if error.kind == FOLDER else "Save it to a file first."
        _refuse(source, f"{error.kind}, not a plain file", what, error)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = getattr(error, "strerror", None) or str(error)
        _refuse(source, reason, "Check the path and its permissions.", error)


def _identify(reader: _Reader, content: bytes, source: str) -> ImageFile:
    try:
        return Image.open(reader, formats=("PNG", "JPEG", *_NAMED))
    except Image.DecompressionBombError as error:
        _refuse(source, str(error), f"At most {MAX_PIXELS:,} pixels are decoded. Make it smaller.", error)
    except UnidentifiedImageError as error:
        if content.startswith(_PNG):  # Pillow's complaint about a text chunk is among its warnings only
            raise _Damaged(_look(content)) from error
        _refuse(source, _look(content), "Convert it to PNG or JPEG.", error)
    except _DAMAGE as error:
        raise _Damaged(f"a damaged image ({printable(str(error))[:200]})") from error


def _frames(image: Image.Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except _DAMAGE as error:
        raise _Damaged(f"a damaged {image.format} image ({printable(str(error))[:200]})") from error


def _scale_colour_key(image: ImageFile) -> None:
    """The colour that is transparent as the decoded pixels have it: the file's has the file's depth.

    Grey of two and four bits is spread over a byte, and colours of 16 bits lose the lower one.
    """
    key = image.info.get("transparency")
    depth = image.tile[0].args if image.tile else None
    if isinstance(key, int) and depth in _SPREAD:
        image.info["transparency"] = key * _SPREAD[str(depth)]
    elif isinstance(key, tuple) and depth == "RGB;16B":
        image.info["transparency"] = tuple(value >> 8 for value in key)


def _has_jpeg_end(content: bytes, deadline: float) -> bool:
    """Whether there is an end-of-image marker behind the header: libjpeg makes up what is missing.

    Pillow has read up to the first scan's data when it has opened the file; a preview before that has scans and an
    end of its own.
    """
    reader = _Reader(content, deadline)
    JpegImageFile(reader)
    return content.find(b"\xff\xd9", reader.tell()) >= 0


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
    return f"not an image (its first bytes are {content[:8].hex(' ')})"


def _refuse(source: str, found: str, advice: str, cause: BaseException | None = None) -> NoReturn:
    raise ImageError(
        f"Could not read {printable(source)} as a PNG or JPEG image: {found}. {advice}"
    ) from cause
