"""What a file is and how large is known before it is decoded, and told by name."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pipeline.predicting.image_file import MAX_FILE_BYTES, open_image
from pipeline.predicting.picture import ImageError

SHIRT = Image.fromarray(np.arange(40 * 30, dtype=np.uint8).reshape(40, 30))


def encoded(image=SHIRT, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def refusal(path):
    with pytest.raises(ImageError) as error:
        open_image(path, path.name)
    message = str(error.value)
    assert message.startswith(f"Reading {path.name}: expected a PNG or JPEG image. Received: ")
    return message


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_png_or_jpeg_file_is_opened(kind, tmp_path):
    (tmp_path / "shirt").write_bytes(encoded(kind=kind))
    image = open_image(tmp_path / "shirt", "shirt")
    assert (image.format, image.size) == (kind, (30, 40))
    assert np.abs(np.asarray(image.convert("L")).astype(int) - np.asarray(SHIRT)).mean() < 3


def test_the_first_picture_of_a_phones_jpeg_is_taken(tmp_path):
    SHIRT.save(tmp_path / "phone.jpg", "MPO", save_all=True, append_images=[SHIRT.rotate(90)])
    assert open_image(tmp_path / "phone.jpg", "phone.jpg").size == (30, 40)


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (b"", "an empty file"),
        (b"hello, world", "no image; it begins with the bytes 68 65 6c 6c 6f"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"PK\x03\x04....", "a zip archive"),
        (b"\x1f\x8b\x08\x00", "named as FILE#17"),
        (b"\x00\x00\x08\x03\x00\x00", "an IDX file"),
        (b"  <svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "a HEIC or AVIF image"),
        (b"\x89PNG\r\n\x1a\n", "the beginning of an image"),
        (b"\xff\xd8\xff\xe0\x00\x10JF", "Truncated File Read"),
    ],
)
def test_what_is_no_image_is_named(content, received, tmp_path):
    (tmp_path / "shirt.png").write_bytes(content)
    assert received in refusal(tmp_path / "shirt.png")


@pytest.mark.parametrize(("kind", "frames"), [("GIF", 3), ("WEBP", 3), ("PNG", 3), ("TIFF", 3)])
def test_an_animated_file_is_refused_with_its_frames(kind, frames, tmp_path):
    more = [SHIRT.rotate(90 * turn) for turn in range(1, frames)]
    SHIRT.save(tmp_path / "moving", kind, save_all=True, append_images=more)
    message = refusal(tmp_path / "moving")
    assert f"with {frames} frames" in message
    assert kind in message


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "BMP"])
def test_another_format_is_refused_with_its_name(kind, tmp_path):
    (tmp_path / "shirt.png").write_bytes(encoded(kind=kind))
    assert f"a {kind} image. Convert it" in refusal(tmp_path / "shirt.png")


def bomb(width, height):
    """A PNG of a few hundred bytes whose header announces that many pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("width", "height"), [(8001, 8000), (20_000, 10_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(width, height, tmp_path):
    (tmp_path / "bomb.png").write_bytes(bomb(width, height))
    message = refusal(tmp_path / "bomb.png")
    assert "At most 64,000,000" in message
    assert "Make it smaller" in message


def test_a_bomb_in_a_text_chunk_is_refused(tmp_path):
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("comment", "0" * (80 << 20), zip=True)
    content = encoded(pnginfo=text)
    assert len(content) < 1 << 20
    (tmp_path / "bomb.png").write_bytes(content)
    assert "damaged" in refusal(tmp_path / "bomb.png")


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with (tmp_path / "large.png").open("wb") as file:
        file.write(encoded())
        file.truncate(MAX_FILE_BYTES + 1)
    assert f"{MAX_FILE_BYTES + 1:,} bytes" in refusal(tmp_path / "large.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_cut_anywhere_is_refused(kind, tmp_path):
    content = encoded(kind=kind)
    for length in range(len(content)):
        (tmp_path / "cut").write_bytes(content[:length])
        refusal(tmp_path / "cut")


def test_what_phones_append_to_a_photograph_does_no_harm(tmp_path):
    (tmp_path / "motion.jpg").write_bytes(encoded(kind="JPEG") + b"\x00ftypmp42 \xff\xda and no end")
    assert open_image(tmp_path / "motion.jpg", "motion.jpg").size == (30, 40)


def test_a_preview_in_the_photograph_is_not_its_end(tmp_path):
    preview = b"\xff\xe1" + struct.pack(">H", 2 + len(encoded(kind="JPEG"))) + encoded(kind="JPEG")
    content = encoded(kind="JPEG")
    content = content[:2] + preview + content[2:]
    (tmp_path / "photo.jpg").write_bytes(content)
    assert open_image(tmp_path / "photo.jpg", "photo.jpg").size == (30, 40)
    (tmp_path / "photo.jpg").write_bytes(content[:-2])
    assert "its end is missing" in refusal(tmp_path / "photo.jpg")


def test_a_changed_byte_in_a_png_is_refused(tmp_path):
    content = bytearray(encoded())
    content[len(content) // 2] ^= 1
    (tmp_path / "changed.png").write_bytes(content)
    assert "damaged" in refusal(tmp_path / "changed.png")


def test_folders_pipes_and_missing_files_are_named(tmp_path):
    assert "a folder" in refusal(tmp_path)
    assert "no such file" in refusal(tmp_path / "missing.png")
    os.mkfifo(tmp_path / "pipe")
    assert "not a plain file" in refusal(tmp_path / "pipe")
    assert "File name too long" in refusal(tmp_path / ("x" * 300))
