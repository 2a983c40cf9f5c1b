from __future__ import annotations

import math
from datetime import timedelta, timezone

import pytest

from pipeline.formatting import binary_size, count, decimal, duration, moment, percent, plural, points


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.6, "1 h 00 min"),
        (3720, "1 h 02 min"),
        (-3, "0.0 s"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_a_duration_has_the_units_that_suit_its_length(seconds: float | None, written: str) -> None:
    assert duration(seconds) == written


def test_a_fraction_is_written_as_a_percentage() -> None:
    assert percent(0.91423) == "91.42 %"
    assert percent(1.0, 0) == "100 %"
    assert percent(math.nan) == percent(None) == "–"


def test_a_difference_is_written_in_points_without_its_sign() -> None:
    assert points(-0.0031) == "0.31 points"


def test_whole_numbers_have_their_thousands_separated() -> None:
    assert count(421642) == "421,642"
    assert count(None) == "–"


def test_a_number_that_is_none_is_a_dash() -> None:
    assert decimal(0.25) == "0.2500"
    assert decimal(math.inf) == "–"


def test_a_moment_names_its_zone_only_when_it_is_utc() -> None:
    assert moment(0.0) == "1970-01-01 00:00:00 UTC"
    assert moment(0.0, timezone(timedelta(hours=2))) == "1970-01-01 02:00:00"
    assert moment(None) == "–"


@pytest.mark.parametrize(
    ("size", "written"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1048575, "1.0 MiB"),
        (3 << 40, "3.0 TiB"),
        (5 << 50, "5,120.0 TiB"),
    ],
)
def test_a_number_of_bytes_has_the_unit_that_suits_it(size: int, written: str) -> None:
    assert binary_size(size) == written


@pytest.mark.parametrize(
    ("number", "written"), [(0, "0 steps"), (1, "1 step"), (2, "2 steps"), (1200, "1,200 steps")]
)
def test_one_of_a_thing_is_written_in_the_singular(number: int, written: str) -> None:
    assert plural(number, "step") == written
