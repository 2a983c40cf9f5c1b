"""The expected time of a study."""

from __future__ import annotations

import pytest

from pipeline.study.estimate import estimate, makespan
from pipeline.study.pace import Pace
from pipeline.study.trainings import Training


def training(candidate: str, seed: int, epochs: int = 10) -> Training:
    return Training(
        f"Train-{candidate}-{seed}",
        {"candidate": candidate, "seed": str(seed), "epochs": str(epochs)},
        "code",
    )


@pytest.mark.parametrize(
    ("jobs", "parallel", "seconds"),
    [([], 2, 0), ([5], 3, 5), ([1, 2, 3], 1, 6), ([4, 1, 1, 4], 2, 6), ([1, 1, 9], 2, 10)],
)
def test_jobs_start_in_their_order_as_soon_as_there_is_room(
    jobs: list[float], parallel: int, seconds: float
) -> None:
    assert makespan(jobs, parallel) == seconds


def test_the_time_comes_first_and_each_pace_says_where_it_is_from() -> None:
    trainings = [training("slow", 0), training("quick", 0), training("slow", 1), training("quick", 1)]
    paces = {"slow": Pace(100.0, 10.0, "measured just now"), "quick": Pace(2000.0, 5.0, "execution abc")}
    found = estimate(trainings, frozenset(), paces, images=6000, parallel=2)
    scoring = 25_000 / 3 * (1 / 100 + 1 / 2000)  # of two each, on two cores
    # slow-0 runs beside quick-0 and, after it, slow-1; quick-1 follows slow-0.
    assert found.seconds == pytest.approx(35 + 610 + scoring, abs=1)
    first, second, *rest = found.lines()
    assert first.startswith("Expected time: about 1")
    assert "4 trainings (epochs: 10), 2 at once" in first
    assert "with 2 trainings at once" in second
    assert rest == [
        "  slow       100 images/s, 10 s to start and save (measured just now)",
        "  quick    2,000 images/s, 5 s to start and save (execution abc)",
    ]


def test_what_is_done_is_not_waited_for() -> None:
    trainings = [training("a", 0), training("b", 0)]
    found = estimate(trainings, frozenset({"Train-a-0"}), {"b": Pace(1000.0, 0.0, "here")}, 6000, 2)
    assert found.left == 1
    assert 60 <= found.seconds < 65
    assert "1 of 2 trainings are done already" in found.lines()[1]
    assert not any("  a " in line for line in found.lines())


def test_a_study_that_is_done_says_so() -> None:
    found = estimate([training("a", 0)], frozenset({"Train-a-0"}), {}, 6000, 2)
    assert found.lines() == [
        "Expected time: a minute. Every training is done already; the evaluation may be, too."
    ]
