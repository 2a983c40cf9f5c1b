"""What an argument may be, for argparse's `type=`: each turns text into a value or says what it expected."""

import argparse
from collections.abc import Callable


def whole_number(minimum: int) -> Callable[[str], int]:
    """A converter to whole numbers of at least `minimum`."""

    def convert(text: str) -> int:
        if not text.isdecimal() or int(text) < minimum:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {minimum}, not {text!r}")
        return int(text)

    return convert


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:  # so written, NaN is refused too
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, not {text!r}")
    return value


def filled(text: str) -> str:
    """Text that is not empty: a variable that was not set expands to nothing."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return text
