import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from job_failure import JobError
from normalization import Normalization, fit_normalization

ALL_LEVELS = np.arange(256, dtype=np.uint8)


@given(
    pixels=st_numpy.arrays(np.uint8, (6, 28, 28)).filter(lambda pixels: np.ptp(pixels) > 0),
    cut=st.integers(0, 6),
)
def test_it_is_the_mean_and_deviation_of_all_pixels_however_they_are_cut(
    pixels: np.ndarray, cut: int
) -> None:
    fitted = fit_normalization([pixels[:cut], pixels[cut:]])
    assert fitted == fit_normalization([pixels])
    assert fitted.mean == pytest.approx(np.mean(pixels / 255), abs=1e-12)
    assert fitted.std == pytest.approx(np.std(pixels / 255), rel=1e-9)


@given(mean=st.floats(0, 1), std=st.floats(0.01, 0.5))
def test_every_grey_level_survives_there_and_back(mean: float, std: float) -> None:
    normalization = Normalization(mean, std)
    images = normalization.apply(ALL_LEVELS)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(normalization.restore(images), ALL_LEVELS)


@pytest.mark.parametrize("wrong", [Normalization(0.29, 0.35), Normalization(0.28, 0.36)])
def test_images_of_another_mean_or_deviation_are_refused(wrong: Normalization) -> None:
    images = Normalization(0.28, 0.35).apply(ALL_LEVELS)
    with pytest.raises(JobError, match=r"grey level 0..255, and one is off by "):
        wrong.restore(images)


def test_a_value_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(JobError, match="off by nan"), np.errstate(invalid="ignore"):
        Normalization(0.28, 0.35).restore(np.array([np.nan], np.float32))


def test_images_that_are_all_alike_are_refused() -> None:
    with pytest.raises(JobError, match="pixels of the training images are all equal"):
        fit_normalization([np.full((2, 28, 28), 9, np.uint8)])
