import pytest

from pipeline.definition.candidates import (
    CANDIDATES,
    DEFAULT_CANDIDATES,
    RECIPE,
    STUDY_CANDIDATES,
    find_candidates,
)
from pipeline.errors import UsageError


def test_candidates_come_in_the_order_that_was_asked_for():
    assert [c.name for c in find_candidates(("cnn-5x5", "baseline"))] == ["cnn-5x5", "baseline"]


def test_the_kernel_experiment_differs_in_the_kernel_alone():
    small, large = find_candidates(("cnn-3x3", "cnn-5x5"))
    differing = {k for k in small.hyperparameters if small.hyperparameters[k] != large.hyperparameters[k]}
    assert set(small.hyperparameters) == set(large.hyperparameters)
    assert differing == {"kernel-size"}


def test_everything_in_the_experiment_is_trained_by_one_recipe():
    for candidate in find_candidates(STUDY_CANDIDATES):
        assert RECIPE.items() <= candidate.hyperparameters.items()
        assert set(candidate.hyperparameters) <= {*RECIPE, "architecture", "kernel-size", "filters"}


def test_names_are_unique():
    assert len({c.name for c in CANDIDATES}) == len(CANDIDATES)
    assert len(DEFAULT_CANDIDATES) >= 3


def test_an_unknown_candidate_is_refused_with_a_suggestion():
    with pytest.raises(UsageError, match=r"no candidate 'cnn-3x4', .* Did you mean cnn-3x3\?"):
        find_candidates(("baseline", "cnn-3x4"))


def test_a_repeated_candidate_is_refused():
    with pytest.raises(UsageError, match="baseline more than once"):
        find_candidates(("baseline", "baseline"))


def test_no_candidate_at_all_is_refused():
    with pytest.raises(UsageError, match="--candidates must name at least one of baseline"):
        find_candidates(())
