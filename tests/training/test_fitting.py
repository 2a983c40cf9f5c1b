import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from fitting import epoch_order, fit, smooth, steps_per_epoch
from hyperparameters import Hyperparameters
from models import build_model
from training_data import TrainingData
from training_failure import NonFiniteLossError, StoppedError
from training_progress import EpochRecord, Progress


def prepare(hyperparameters: Hyperparameters, precision: str = "float32") -> tuple[Any, Any]:
    keras.utils.set_random_seed(hyperparameters.seed)
    model = build_model(
        hyperparameters.architecture,
        hyperparameters.kernel_size,
        hyperparameters.filters,
        precision=precision,
    )
    optimizer = keras.optimizers.Adam(hyperparameters.learning_rate)
    optimizer.build(model.trainable_variables)
    return model, optimizer


def run(data: TrainingData, hyperparameters: Hyperparameters) -> list[EpochRecord]:
    model, optimizer = prepare(hyperparameters)
    return fit(model, optimizer, data, hyperparameters, Progress(), lambda progress: None, lambda: False)


@pytest.fixture(scope="module")
def dense(small: Hyperparameters) -> Hyperparameters:
    """The network that takes least to trace and to train, where any does."""
    return dataclasses.replace(small, architecture="dense", kernel_size=None, filters=None)


def test_every_epoch_shows_every_image_once_in_another_order() -> None:
    orders = [epoch_order(0, epoch, 1000) for epoch in range(3)]
    assert all(sorted(order) == list(range(1000)) for order in orders)
    assert not (orders[0] == orders[1]).all()
    assert (orders[1] == epoch_order(0, 1, 1000)).all()
    assert not (orders[0] == epoch_order(1, 0, 1000)).all()


def test_the_last_step_takes_the_images_that_are_left() -> None:
    assert [steps_per_epoch(count, 64) for count in (1, 64, 65, 1000)] == [1, 1, 2, 16]


@pytest.mark.parametrize(
    ("architecture", "kernel_size"), [("dense", None), ("cnn", 3), ("cnn", 5), ("resnet", None)]
)
def test_a_network_learns(
    banded: TrainingData,
    small: Hyperparameters,
    architecture: str,
    kernel_size: int | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filters = (16, 32) if architecture == "cnn" else None
    hyperparameters = dataclasses.replace(
        small, architecture=architecture, kernel_size=kernel_size, filters=filters
    )
    history = run(banded, hyperparameters)
    assert [record.epoch for record in history] == [1, 2]
    assert history[-1].validation_accuracy > 0.95
    assert history[-1].train_loss < history[0].train_loss
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch=")]
    assert lines == [record.line(2) for record in history]


def test_what_is_reported_is_what_keras_measures(banded: TrainingData, dense: Hyperparameters) -> None:
    hyperparameters = dataclasses.replace(dense, epochs=1)
    model, optimizer = prepare(hyperparameters)
    (record,) = fit(
        model, optimizer, banded, hyperparameters, Progress(), lambda progress: None, lambda: False
    )
    logits = model(banded.levels[banded.validation.pixels], training=False).numpy().astype(float)
    labels = banded.validation.labels
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
    assert record.validation_loss == pytest.approx(losses.mean(), abs=1e-5)
    assert record.validation_accuracy == pytest.approx((logits.argmax(axis=1) == labels).mean())


def losses_of_steps(
    data: TrainingData,
    hyperparameters: Hyperparameters,
    count: int,
    compile_steps: bool,
    steps_per_call: int,
    precision: str = "float32",
) -> list[float]:
    """The sums of the losses after 5, 10, 15 and 20 steps of a training that is stopped after `count` of them."""
    model, optimizer = prepare(hyperparameters, precision)
    told: list[tuple[int, float]] = [(0, 0.0)]
    progress = Progress()

    def look() -> bool:
        told.append((progress.step, progress.loss_sum))
        return progress.step >= count

    with pytest.raises(StoppedError):
        fit(
            model,
            optimizer,
            data,
            hyperparameters,
            progress,
            lambda now: None,
            look,
            compile_steps,
            steps_per_call,
        )
    told.append((progress.step, progress.loss_sum))
    return [value for step, value in told if step in (5, 10, 15, 20)]


@pytest.fixture(scope="module")
def narrow(small: Hyperparameters) -> Hyperparameters:
    """A network that takes little to compile and to run."""
    return dataclasses.replace(
        small, filters=(8, 16), batch_size=40, learning_rate=0.001, augmentation="full"
    )


@pytest.fixture(scope="module")
def smoothed(narrow: Hyperparameters) -> Hyperparameters:
    return dataclasses.replace(narrow, label_smoothing=0.1)


@pytest.fixture(scope="module")
def losses_with_the_host(banded: TrainingData, smoothed: Hyperparameters) -> list[float]:
    """Those of steps that the host starts one by one."""
    return losses_of_steps(banded, smoothed, 20, False, 1)


@pytest.mark.parametrize(("compile_steps", "steps_per_call"), [(False, 5), (True, 1), (True, 5)])
def test_steps_on_the_device_without_the_host_learn_the_same(
    banded: TrainingData,
    smoothed: Hyperparameters,
    losses_with_the_host: list[float],
    compile_steps: bool,
    steps_per_call: int,
) -> None:
    other = losses_of_steps(banded, smoothed, 20, compile_steps, steps_per_call)
    assert len(losses_with_the_host) == 4
    np.testing.assert_allclose(other, losses_with_the_host, rtol=2e-3)


def test_in_bfloat16_the_network_learns_nearly_the_same(
    banded: TrainingData, narrow: Hyperparameters
) -> None:
    plain = losses_of_steps(banded, narrow, 20, False, 1)
    rounded = losses_of_steps(banded, narrow, 20, True, 5, "mixed_bfloat16")
    assert plain[3] - plain[2] < 0.8 * plain[0]
    np.testing.assert_allclose(rounded, plain, rtol=0.05)
    assert rounded != plain


def test_the_last_call_of_an_epoch_does_the_steps_that_are_left(
    banded: TrainingData, dense: Hyperparameters
) -> None:
    model, optimizer = prepare(dense)
    progress, saved = Progress(), list[tuple[int, int]]()
    history = fit(
        model,
        optimizer,
        banded,
        dense,
        progress,
        lambda now: saved.append((now.epoch, now.step)),
        lambda: False,
        steps_per_call=7,
    )
    assert [record.epoch for record in history] == [1, 2]
    assert saved == [(1, 0), (2, 0)]
    assert int(optimizer.iterations) == 2 * steps_per_epoch(1000, dense.batch_size)


def test_labels_are_smoothed_as_by_keras() -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(20, 10)).astype(np.float32), rng.integers(0, 10, 20)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    expected = keras.losses.categorical_crossentropy(
        np.eye(10, dtype=np.float32)[labels], logits, from_logits=True, label_smoothing=0.2
    )
    np.testing.assert_allclose(smooth(losses, logits, 0.2), expected, rtol=1e-5)
    assert smooth(losses, logits, 0) is losses


def test_the_reported_loss_is_of_the_labels_as_they_are(banded: TrainingData, dense: Hyperparameters) -> None:
    told = dataclasses.replace(dense, learning_rate=1e-9, epochs=1)
    sharp, smoothed = run(banded, told), run(banded, dataclasses.replace(told, label_smoothing=0.5))
    assert smoothed[0].train_loss == pytest.approx(sharp[0].train_loss, rel=1e-5)


def test_a_non_finite_loss_ends_the_training_naming_epoch_and_step(
    banded: TrainingData, small: Hyperparameters
) -> None:
    model, optimizer = prepare(small)
    progress = Progress()

    def look() -> bool:
        if progress.step == 3:
            kernel = model.trainable_variables[0]
            kernel.assign(np.full_like(kernel.numpy(), np.nan))
        return False

    with pytest.raises(NonFiniteLossError, match=r"nan in epoch 1/2 after step 4, with learning_rate=0\.01"):
        fit(model, optimizer, banded, small, progress, lambda now: None, look)


def test_a_non_finite_validation_loss_ends_the_training(banded: TrainingData, dense: Hyperparameters) -> None:
    class Broken(TrainingData):
        levels = np.full(256, np.inf, np.float32)

    broken = Broken(**{field.name: getattr(banded, field.name) for field in dataclasses.fields(banded)})
    with pytest.raises(NonFiniteLossError, match="the validation loss is"):
        run(broken, dense)


def test_a_stop_saves_what_is_done_and_going_on_does_the_rest(
    banded: TrainingData, dense: Hyperparameters
) -> None:
    hyperparameters = dataclasses.replace(dense, epochs=3)
    uninterrupted = run(banded, hyperparameters)
    model, optimizer = prepare(hyperparameters)
    saved: list[Progress] = []
    answers: Iterator[bool] = iter([False] * 20 + [True])
    progress = Progress()
    with pytest.raises(StoppedError, match="in epoch 2/3 after step 5"):
        fit(
            model,
            optimizer,
            banded,
            hyperparameters,
            progress,
            lambda now: saved.append(Progress.from_json(now.to_json())),
            lambda: next(answers),
        )
    assert [(now.epoch, now.step) for now in saved] == [(1, 0), (1, 5)]
    resumed = fit(model, optimizer, banded, hyperparameters, saved[-1], lambda now: None, lambda: False)
    assert [record.epoch for record in resumed] == [1, 2, 3]
    for one, other in zip(resumed, uninterrupted, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-3)
        assert one.train_accuracy == pytest.approx(other.train_accuracy, abs=0.005)
