"""Reads the rows of a request whose input is bytes, such as images, without making a Python number of each.

    {"instances": [{"images":[[0,0,…],…]},…]}        or without the name: {"instances": [[[0,0,…],…],…]}

What is written in any other way, or is not right, is left to json.loads and its messages (rest_format.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
import numpy.typing as npt

from pipeline.inference.predicting.saved_model import Tensor

_HEAD, _TAIL = b'{"instances": [', b"]}"
_DIGITS = b"0123456789"
_ZERO, _OPEN, _CLOSE, _COMMA = b"0[],"
_PIECE = 1 << 17  # bytes at a time, so that they stay in the processor's cache


def read_byte_rows(body: bytes, inputs: Mapping[str, Tensor]) -> dict[str, npt.NDArray[np.uint8]] | None:
    """The input by its name, of a signature with one input of bytes; None where json.loads is to look at it."""
    if len(inputs) != 1 or not body.startswith(_HEAD) or not body.endswith(_TAIL):
        return None
    ((name, expected),) = inputs.items()
    shape = (expected.shape or ())[1:]
    sizes = [size for size in shape if size]
    if expected.dtype != "uint8" or not shape or len(sizes) < len(shape):
        return None
    text = body[len(_HEAD) : -len(_TAIL)].strip(b" \t\r\n")
    if b" " in text:
        text = text.replace(b", ", b",").replace(b": ", b":")
    count = _count(text, name, sizes)
    if count is None:
        return None
    values = np.empty(count * prod(sizes), np.uint8)
    return {name: values.reshape(count, *sizes)} if _fill(values, text) else None


def _count(text: bytes, name: str, sizes: list[int]) -> int | None:
    """How many rows the text is, if it is rows whatever the numbers are; else None."""
    if not text.startswith((b"{", b"[")) or not text.endswith((b"}", b"]")):
        return None
    frame = b""
    for size in reversed(sizes):
        frame = b"[%b]" % b",".join([frame] * size)
    frame += b","
    named = b'{"%b":' % name.encode()
    if text.startswith(b"{"):
        # Digits are left out of the comparison: none may be in a name.
        if not name.isascii() or not name.replace("_", "").isalpha():
            return None
        frame = named + frame[:-1] + b"},"
    skeleton = text.translate(None, _DIGITS) + b","
    count, rest = divmod(len(skeleton), len(frame))
    if rest or skeleton != frame * count or text.count(named) != (count if text.startswith(b"{") else 0):
        return None
    return count


def _fill(values: npt.NDArray[np.uint8], text: bytes) -> bool:
    """Put the numbers into `values`; whether they are as many, each a byte between two separators."""
    start = filled = 0
    while start < len(text) - 1:
        end = text.find(b",", start + _PIECE)
        piece = _numbers(np.frombuffer(text, np.uint8)[start : len(text) if end < 0 else end + 1])
        if piece is None or filled + len(piece) > len(values):
            return False
        values[filled : filled + len(piece)] = piece
        filled += len(piece)
        start = len(text) if end < 0 else end
    return filled == len(values)


def _numbers(text: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8] | None:
    """The numbers of a piece of text that begins and ends with no digit; None unless each is a byte's."""
    digits = text - np.uint8(_ZERO)
    is_digit = digits < 10
    digits *= is_digit
    first, last = is_digit[1:] > is_digit[:-1], is_digit[:-1] > is_digit[1:]
    count = np.count_nonzero(last)
    comma = text == _COMMA
    between = np.count_nonzero(first & (comma | (text == _OPEN))[:-1])
    between += np.count_nonzero(last & (comma | (text == _CLOSE))[1:])
    pairs = is_digit[1:] & is_digit[:-1]
    triples = pairs[1:] & pairs[:-1]
    long = np.any(triples[1:] & triples[:-1])
    led_by_zero = np.any(first[:-1] & pairs[1:] & (digits[1:-1] == 0))
    if between != 2 * count or long or led_by_zero:
        return None
    tens = digits.astype(np.uint16) * np.uint16(10)
    found = digits[1:-1] + tens[:-2]
    found[1:] += (tens[:-3] * is_digit[1:-2]) * np.uint16(10)
    numbers = found[last[1:]]
    return None if count and numbers.max() > 255 else numbers.astype(np.uint8)
