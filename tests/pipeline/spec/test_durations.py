import pytest

from pipeline.spec.durations import parse_duration

DAY = 86400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("P30D", 30 * DAY),
        ("PT1H", 3600),
        ("P1DT2H3M4S", DAY + 2 * 3600 + 3 * 60 + 4),
        ("P2W", 14 * DAY),
        ("P1M", 30 * DAY),
        ("PT1M", 60),
        ("P1Y2M", (365 + 60) * DAY),
        # AWS's own examples.
        ("30d", 30 * DAY),
        ("5y", 5 * 365 * DAY),
        ("T16m", 16 * 60),
        ("30dT5h", 30 * DAY + 5 * 3600),
    ],
)
def test_durations_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "30", "30 days", "P1H", "-P1D", "P1.5D"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        parse_duration(text)
