"""What a file is and how large is known before it is decoded, and told by name."""

import io
import os
import socket
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.inference.predicting.image_file import MAX_FILE_BYTES, open_image
from pipeline.inference.predicting.picture import ImageError
from pipeline.inference.predicting.preparation import prepare

SHIRT = Image.fromarray(np.arange(40 * 30, dtype=np.uint8).reshape(40, 30))


def encoded(image=SHIRT, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def refusal(path):
    with pytest.raises(ImageError) as error:
        open_image(path, path.name)
    message = str(error.value)
    assert message.startswith(f"Could not read {path.name} as a PNG or JPEG image: ")
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
        (b"hello, world", "not an image (its first bytes are 68 65 6c 6c 6f"),
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


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, rows, *more, interlaced=0):
    """A PNG made by hand; `more` are chunks before the image data."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + b"".join(more)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def bomb(width, height):
    """A PNG of a few hundred bytes whose header announces that many pixels."""
    return png(width, height, 8, 0, b"")


@pytest.mark.parametrize(("width", "height"), [(8001, 8000), (20_000, 10_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(width, height, tmp_path):
    (tmp_path / "bomb.png").write_bytes(bomb(width, height))
    message = refusal(tmp_path / "bomb.png")
    assert "At most 64,000,000" in message
    assert "Make it smaller" in message


def deflated_text(kind, size):
    """A chunk whose text or colour profile unpacks to that size."""
    packed = zlib.compress(bytes(size))
    begins = {b"zTXt": b"comment\0\0", b"iTXt": b"comment\0\1\0\0\0", b"iCCP": b"profile\0\0"}
    return chunk(kind, begins[kind] + packed)


@pytest.mark.parametrize("size", [(1 << 20) + 1, 80 << 20])
@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
@pytest.mark.parametrize("place", ["before", "behind"])
def test_a_text_or_profile_of_any_size_does_not_hide_the_picture(kind, size, place, tmp_path):
    content = encoded()
    at = 33 if place == "before" else len(content) - 12
    (tmp_path / "shirt.png").write_bytes(content[:at] + deflated_text(kind, size) + content[at:])
    tracemalloc.start()
    image = open_image(tmp_path / "shirt.png", "shirt.png")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.array_equal(np.asarray(image), np.asarray(SHIRT))
    assert most < 16 << 20


def test_a_damaged_text_does_not_hide_the_picture(tmp_path):
    content = encoded()
    damaged = chunk(b"zTXt", b"comment\0\0 no zlib data")
    (tmp_path / "shirt.png").write_bytes(content[:33] + damaged + content[33:])
    assert np.array_equal(np.asarray(open_image(tmp_path / "shirt.png", "shirt.png")), np.asarray(SHIRT))


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize(
    ("depth", "colour"), [(1, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2), (16, 6), (2, 3)]
)
def test_image_data_that_end_early_are_told_in_every_form(depth, colour, interlaced, tmp_path):
    bits = depth * {0: 1, 2: 3, 3: 1, 6: 4}[colour]
    # What the passes of Adam7 have of 5×3 pixels.
    sizes = [(1, 1), (1, 1), (1, 1), (3, 1), (2, 2), (5, 1)] if interlaced else [(5, 3)]
    wanted = sum(height * (1 + (width * bits + 7) // 8) for width, height in sizes)
    more = [chunk(b"PLTE", bytes(12))] if colour == 3 else []
    file = tmp_path / "shirt.png"
    file.write_bytes(png(5, 3, depth, colour, bytes(wanted), *more, interlaced=interlaced))
    assert open_image(file, "shirt.png").size == (5, 3)
    for length in {0, 1, wanted // 2, wanted - 1}:
        file.write_bytes(png(5, 3, depth, colour, bytes(length), *more, interlaced=interlaced))
        assert "truncated or damaged" in refusal(file)


def test_an_interlaced_picture_is_whole(tmp_path):
    """One that another encoder would make: the seven passes, each row behind its filter."""
    pixels = np.arange(11 * 9, dtype=np.uint8).reshape(11, 9)
    passes = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )
    rows = b"".join(
        b"\0" + bytes(row)
        for left, top, across, down in passes
        for row in pixels[top::down, left::across]
        if len(row)
    )
    (tmp_path / "shirt.png").write_bytes(png(9, 11, 8, 0, rows, interlaced=1))
    assert np.array_equal(np.asarray(open_image(tmp_path / "shirt.png", "shirt.png")), pixels)
    (tmp_path / "shirt.png").write_bytes(png(9, 11, 8, 0, rows[:-1], interlaced=1))
    assert "its image data end early" in refusal(tmp_path / "shirt.png")


def test_a_decoding_that_takes_too_long_is_given_up(tmp_path):
    for kind in ("PNG", "JPEG"):
        (tmp_path / "slow").write_bytes(encoded(kind=kind))
        with pytest.raises(ImageError, match=r"more than -1 s of decoding\. Save it anew"):
            open_image(tmp_path / "slow", "slow", seconds=-1)


@pytest.mark.parametrize(
    ("depth", "row", "key"),
    [
        (1, bytes([0b01010011]), 1),
        (1, bytes([0b01010011]), 0),
        (2, bytes([0b00111001, 0b00111001]), 3),
        (4, bytes([0x0F, 0x7F, 0xFF, 0x10]), 15),
        (8, bytes([0, 255, 15, 255, 9, 8, 7, 255]), 255),
        (16, struct.pack(">8H", 0, 65535, 255, 65535, 65534, 1, 2, 65535), 65535),
    ],
)
def test_a_colour_key_is_in_the_depth_of_the_file(depth, row, key, tmp_path):
    """Grey of any depth: just the pixels of that value are transparent, and so on a ground of their own."""
    bits = "".join(f"{byte:08b}" for byte in row)
    values = [int(bits[start : start + depth], 2) for start in range(0, 8 * depth, depth)]
    (tmp_path / "a.png").write_bytes(png(8, 1, depth, 0, b"\0" + row, chunk(b"tRNS", struct.pack(">H", key))))
    picture = prepare(open_image(tmp_path / "a.png", "a.png"), "a.png", "dark")
    assert any("transparent parts" in note for note in picture.notes)
    image = open_image(tmp_path / "a.png", "a.png")
    key_found = image.info["transparency"]
    assert [
        pixel == key_found for pixel in np.asarray(image).astype(int).ravel() * (255 if depth == 1 else 1)
    ] == [value == key for value in values]


@pytest.mark.parametrize("key", [0, 255])
def test_a_16_bit_picture_with_a_colour_key_is_read_as_the_8_bit_one(key, tmp_path):
    pixels = np.full((40, 30), key, np.uint8)
    pixels[5:35, 8:22] = 60
    pixels[10:20, 12:16] = 200
    Image.fromarray(pixels).save(tmp_path / "8.png", transparency=key)
    Image.fromarray(pixels.astype(np.uint16) * 257).save(tmp_path / "16.png", transparency=key * 257)
    pictures = [prepare(open_image(tmp_path / name, name), "shirt") for name in ("8.png", "16.png")]
    assert np.array_equal(pictures[0].pixels, pictures[1].pixels)
    assert pictures[0].notes == pictures[1].notes
    assert any("transparent parts" in note for note in pictures[0].notes)


def test_a_colour_key_of_16_bit_colours_is_compared_by_what_was_decoded(tmp_path):
    row = struct.pack(">9H", 0x0812, 0x0912, 0x0A12, 0x0102, 0x0203, 0x0304, 0x1200, 0x1200, 0x1200)
    key = chunk(b"tRNS", struct.pack(">3H", 0x0812, 0x0912, 0x0A12))
    (tmp_path / "a.png").write_bytes(png(3, 1, 16, 2, b"\0" + row, key))
    image = open_image(tmp_path / "a.png", "a.png")
    assert np.asarray(image.convert("RGBA"))[0, :, 3].tolist() == [0, 255, 255]


JPEG_ODDITIES = {
    "a zero": b"\x00",
    "an escaped FF": b"\xff\x00",
    "zeros and an escaped FF": b"\x00\x00\xff\x00\x00",
    "odd padding": b"\xff\xff\xff",
    "a comment of length 0": b"\xff\xfe\x00\x00",
    "a comment of length 1": b"\xff\xfe\x00\x01",
    "an empty comment": b"\xff\xfe\x00\x02",
}


@pytest.mark.parametrize("oddity", JPEG_ODDITIES)
def test_stray_bytes_between_segments_are_skipped_as_libjpeg_skips_them(oddity, tmp_path):
    content = encoded(kind="JPEG")
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    for marker in (b"\xff\xdb", b"\xff\xc0", b"\xff\xc4", b"\xff\xda"):
        at = content.index(marker)
        odd = content[:at] + JPEG_ODDITIES[oddity] + content[at:]
        (tmp_path / "odd.jpg").write_bytes(odd)
        assert np.array_equal(np.asarray(open_image(tmp_path / "odd.jpg", "odd.jpg")), pixels)
        (tmp_path / "odd.jpg").write_bytes(odd[:-2])
        assert "its end is missing" in refusal(tmp_path / "odd.jpg")


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
    assert "a pipe, not a plain file" in refusal(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert "a socket, not a plain file" in refusal(tmp_path / "socket")
    with pytest.raises(ImageError, match="a device, not a plain file"):
        open_image(Path("/dev/zero"), "zero")
    with pytest.raises(ImageError, match="null"):
        open_image(Path("a\0b"), "a")
    assert "File name too long" in refusal(tmp_path / ("x" * 300))
