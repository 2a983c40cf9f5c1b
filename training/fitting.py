"""The training loop: seeded data order, compiled steps, a measurement an epoch.

Nothing in it depends on the candidate, or on how often the training was interrupted: the data's order follows from
the seed and the epoch's number, and all else that changes is in the variables and in `Progress`. Several hosts do
together what one would do alone: each takes its share of the same batches.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from augmentation import DRAWS, augment, draw
from cluster import ALONE, Cluster
from hyperparameters import Hyperparameters
from training_data import TrainingData
from training_failure import NonFiniteLossError, StoppedError
from training_progress import EpochRecord, Progress
from workers import sum_over_workers

REPORT_SECONDS = 2.0
MEASURING_BATCH = 250  # images; a forward pass of this size needs about 25 MB, less than a training step


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Steps that show each of `count` images once; the last may show fewer than the others."""
    return math.ceil(count / batch_size)


def epoch_order(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    """The order, a permutation of 0..count-1, in which epoch number `epoch` (from 0) shows the images."""
    return np.random.default_rng([seed, epoch]).permutation(count)


def fit(
    model: Any,
    optimizer: Any,
    data: TrainingData,
    hyperparameters: Hyperparameters,
    progress: Progress,
    save: Callable[[Progress], object],
    stop_requested: Callable[[], bool],
    compile_steps: bool = False,
    steps_per_call: int = 1,
    cluster: Cluster = ALONE,
) -> list[EpochRecord]:
    """Train `model` from `progress`, which is updated, to the last epoch; return the records of all epochs.

    `save` is called after every epoch and before a stop; `compile_steps` turns XLA on; `steps_per_call` steps are
    done between two looks at the loss and at `stop_requested`. On several hosts call it in the scope of their
    strategy, on all of them; the first one's log has the metrics.

    Raises:
        NonFiniteLossError: the loss or a gradient became NaN or infinite.
        StoppedError: `stop_requested` said yes on one of the hosts; the progress is saved.
    """
    steps = _training_steps(model, optimizer, data, hyperparameters, compile_steps, cluster)
    measure = _measurement(model, data, compile_steps)
    count = len(data.train.labels)
    while progress.epoch < hyperparameters.epochs:
        _run_epoch(steps, count, hyperparameters, progress, save, stop_requested, steps_per_call, cluster)
        began = time.perf_counter()
        validation_loss, validation_accuracy = measure()
        _expect_finite(validation_loss, "the validation loss", progress, hyperparameters)
        record = EpochRecord(
            epoch=progress.epoch + 1,
            train_loss=progress.loss_sum / count,
            train_accuracy=progress.correct / count,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            learning_rate=float(optimizer.learning_rate),
            images_per_second=count / progress.seconds,
            seconds=progress.seconds + time.perf_counter() - began,
        )
        if cluster.is_chief:
            print(record.line(hyperparameters.epochs), flush=True)
        progress.start_epoch(record)
        save(progress)
    return progress.history


def _run_epoch(
    steps: Callable[..., Any],
    count: int,
    hyperparameters: Hyperparameters,
    progress: Progress,
    save: Callable[[Progress], object],
    stop_requested: Callable[[], bool],
    steps_per_call: int,
    cluster: Cluster,
) -> None:
    """Do the steps of the current epoch that are not done yet."""
    size = hyperparameters.batch_size
    order = tf.constant(epoch_order(hyperparameters.seed, progress.epoch, count))
    last = steps_per_epoch(count, size)
    epoch, go, stop = tf.constant(progress.epoch, tf.int64), tf.constant(0.0), tf.constant(1.0)
    clock = reported = time.perf_counter()
    while progress.step < last:
        reached = min(progress.step + steps_per_call, last)
        told = steps(
            order,
            epoch,
            tf.constant(progress.step, tf.int64),
            tf.constant(reached, tf.int64),
            stop if stop_requested() else go,
        )
        loss_sum, correct, stops = told.numpy().tolist()
        progress.step = reached
        progress.images = min(reached * size, count)
        progress.loss_sum += loss_sum
        progress.correct += int(correct)
        _expect_finite(progress.loss_sum, "the loss and its gradients", progress, hyperparameters)
        now = time.perf_counter()
        progress.seconds += now - clock
        clock = now
        if stops:
            save(progress)
            raise StoppedError(
                f"Stopped by SIGTERM in epoch {progress.epoch + 1}/{hyperparameters.epochs} after step "
                f"{progress.step}: a checkpoint is written. Start the same job again to continue from there."
            )
        if cluster.is_chief and now - reported >= REPORT_SECONDS:
            print(progress.line(hyperparameters.epochs, count), flush=True)
            reported = now


def _training_steps(
    model: Any,
    optimizer: Any,
    data: TrainingData,
    hyperparameters: Hyperparameters,
    compile_steps: bool,
    cluster: Cluster,
) -> Any:
    """A function that does several steps on the device, without the host.

    It takes the epoch's order of the images (int64), the epoch's number, the number of the first step and of the
    one after the last (int64 scalars), and whether this host is asked to stop (0 or 1). It returns three sums over
    all steps and hosts: the losses (labels as they are), how many images were classified right, and how often a
    host was asked to stop; so all hosts stop after the same step.
    """
    pixels = tf.constant(data.train.pixels)  # on the device, once
    labels = tf.constant(data.train.labels.astype(np.int64))
    size = hyperparameters.batch_size
    per_epoch = steps_per_epoch(len(data.train.labels), size)
    seed = tf.constant(hyperparameters.seed, tf.int64)

    def learn(batch: Any, draws: Any, stop: Any) -> Any:
        indices = cluster.share(batch)
        expected = tf.gather(labels, indices)
        shown = augment(
            tf.gather(pixels, indices),
            cluster.share(draws),
            hyperparameters.augmentation,
            data.mean,
            data.std,
        )
        with tf.GradientTape() as tape:
            logits = model(shown, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(expected, logits)
            learnt = smooth(losses, logits, hyperparameters.label_smoothing)
            loss = tf.reduce_sum(learnt) / tf.cast(tf.size(batch), tf.float32)
        gradients = tape.gradient(loss, model.trainable_variables)
        # A fused ReLU turns NaN into 0 and the loss looks well: the gradients do not.
        finite = tf.math.is_finite(tf.linalg.global_norm(gradients))
        loss_sum = tf.where(finite, tf.reduce_sum(losses), math.nan)
        told = tf.stack([loss_sum, tf.cast(_correct(logits, expected), tf.float32), stop])
        *gradients, told = sum_over_workers([*gradients, told])
        optimizer.apply(gradients, model.trainable_variables)
        return told

    # One trace serves the epoch's short last batch too.
    numbers, scalar, flag = tf.TensorSpec([None], tf.int64), tf.TensorSpec([], tf.int64), tf.TensorSpec([])
    draws_form = tf.TensorSpec([None, DRAWS])

    @tf.function(input_signature=[numbers, draws_form, flag], jit_compile=compile_steps)  # type: ignore[untyped-decorator]
    def step(batch: Any, draws: Any, stop: Any) -> Any:
        return tf.distribute.get_strategy().run(learn, args=(batch, draws, stop))

    @tf.function(input_signature=[numbers, scalar, scalar, scalar, flag])  # type: ignore[untyped-decorator]
    def steps(order: Any, epoch: Any, first: Any, last: Any, stop: Any) -> Any:
        told = tf.zeros([3])
        for number in tf.range(first, last):
            batch = order[number * size : (number + 1) * size]
            # Not within the compiled step: XLA's generators give other numbers.
            draws = draw(seed, epoch * per_epoch + number, tf.size(batch))
            told += step(batch, draws, stop)
        return told

    return steps


def smooth(losses: Any, logits: Any, smoothing: float) -> Any:
    """The cross-entropies `losses` (float32, N, in nats) of `logits` (N×10) with labels smoothed by `smoothing`.

    With a smoothing of s the expected probabilities are 1 - s for the label's class plus s/10 for every class
    (Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016).
    """
    if not smoothing:
        return losses
    return (1 - smoothing) * losses - smoothing * tf.reduce_mean(tf.nn.log_softmax(logits), axis=1)


def _measurement(model: Any, data: TrainingData, compile_steps: bool) -> Callable[[], tuple[float, float]]:
    """A function that returns the mean loss and the accuracy (0..1) of `model` on the validation split."""
    split, levels = data.validation, data.levels

    @tf.function(reduce_retracing=True, jit_compile=compile_steps)  # type: ignore[untyped-decorator]
    def score(images: Any, labels: Any) -> tuple[Any, Any]:
        logits = model(images, training=False)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.reduce_sum(losses), _correct(logits, labels)

    def measure() -> tuple[float, float]:
        count, loss_sum, correct = len(split.labels), 0.0, 0
        for start in range(0, count, MEASURING_BATCH):
            rows = slice(start, start + MEASURING_BATCH)
            images, labels = levels[split.pixels[rows]], split.labels[rows].astype(np.int64)
            scores = score(tf.constant(images), tf.constant(labels))
            loss_sum, correct = loss_sum + float(scores[0]), correct + int(scores[1])
        return loss_sum / count, correct / count

    return measure


def _correct(logits: Any, labels: Any) -> Any:
    return tf.math.count_nonzero(tf.argmax(logits, axis=1) == labels)


def _expect_finite(value: float, what: str, progress: Progress, hyperparameters: Hyperparameters) -> None:
    if not math.isfinite(value):
        raise NonFiniteLossError(
            f"Training {hyperparameters.candidate}: {what} is {value} in epoch "
            f"{progress.epoch + 1}/{hyperparameters.epochs} after step {progress.step}, with "
            f"learning_rate={hyperparameters.learning_rate}. Try a lower one."
        )
