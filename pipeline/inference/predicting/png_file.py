"""What Pillow does not say of a PNG file: whether its picture is whole. And the file without its texts.

A file is eight bytes and chunks of length, type, data and checksum; the image data are one zlib stream over all
chunks IDAT (PNG specification, third edition, sections 5 and 10).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_SIGNATURE_BYTES = 8
_AROUND = 12  # bytes of a chunk beside its data
_PIECE = 1 << 16
# Chunks that are no part of the picture and may unpack to more than Pillow takes: texts and colour profiles.
_ASIDE = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# Adam7's passes: the first column and row, and the steps to the next.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def without_texts(content: bytes) -> bytes:
    """The file without texts and colour profiles, which may be damaged or endless where the picture is whole."""
    kept = [content[:_SIGNATURE_BYTES]]
    end = _SIGNATURE_BYTES
    for kind, start, end in _chunks(content):
        if kind not in _ASIDE:
            kept.append(content[start:end])
    return b"".join([*kept, content[end:]])


def missing_part(content: bytes) -> str | None:
    """What of the picture the file lacks; None for a whole one. Needs a valid header (IHDR), as Pillow opens it.

    Decoders leave the pixels black for which there are no data.
    """
    found = list(_chunks(content))
    if not found or found[-1][0] != b"IEND":
        return "its end is missing"
    wanted = _unpacked_bytes(content)
    data = (content[start + 8 : end - 4] for kind, start, end in found if kind == b"IDAT")
    if _inflated_bytes(data, wanted) < wanted:
        return "its image data end early"
    return None


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, beginning and end of each whole chunk, up to IEND."""
    start = _SIGNATURE_BYTES
    while start + _AROUND <= len(content):
        end = start + _AROUND + int.from_bytes(content[start : start + 4], "big")
        if end > len(content):
            return
        kind = content[start + 4 : start + 8]
        yield kind, start, end
        if kind == b"IEND":
            return
        start = end


def _unpacked_bytes(content: bytes) -> int:
    """How many bytes the image data are: for each row its filter, then its pixels in whole bytes."""
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    depth, colour, interlaced = content[24], content[25], content[28]
    bits = depth * _CHANNELS.get(colour, 1)
    total = 0
    for column, row, across, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - column) // across), -(-(height - row) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _inflated_bytes(pieces: Iterator[bytes], limit: int) -> int:
    """How many bytes the zlib stream unpacks to, counted up to `limit`. Holds a few of them at a time."""
    unpacking, count = zlib.decompressobj(), 0
    try:
        for piece in pieces:
            waiting = piece
            while count < limit:
                count += len(unpacking.decompress(waiting, _PIECE))
                waiting = unpacking.unconsumed_tail
                if not waiting:
                    break
        while count < limit and (rest := unpacking.decompress(b"", _PIECE)):
            count += len(rest)
    except zlib.error:  # damaged: decoders say so themselves, unless they have all that they need
        pass
    return count
