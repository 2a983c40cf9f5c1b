"""The training loop: seeded data order, one compiled step a batch, a measurement an epoch.

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

from cluster import ALONE, Cluster
from hyperparameters import Hyperparameters
from training_data import Split, TrainingData
from training_failure import NonFiniteLossError, StoppedError
from training_progress import EpochRecord, Progress
from workers import sum_over_workers

REPORT_SECONDS = 2.0
MEASURING_BATCH = 1000  # images; a forward pass of this size needs about 100 MB


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
    cluster: Cluster = ALONE,
) -> list[EpochRecord]:
    """Train `model` from `progress`, which is updated, to the last epoch; return the records of all epochs.

    `save` is called after every epoch and before a stop; `compile_steps` turns XLA on. On several hosts call it in
    the scope of their strategy, on all of them; the first one's log has the metrics.

    Raises:
        NonFiniteLossError: the loss became NaN or infinite.
        StoppedError: `stop_requested` said yes on one of the hosts; the progress is saved.
    """
    step = _training_step(model, optimizer, data.train, compile_steps, cluster)
    measure = _measurement(model, data.validation, compile_steps)
    count = len(data.train.labels)
    while progress.epoch < hyperparameters.epochs:
        _run_epoch(step, count, hyperparameters, progress, save, stop_requested, cluster)
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
    step: Callable[[Any, Any], Any],
    count: int,
    hyperparameters: Hyperparameters,
    progress: Progress,
    save: Callable[[Progress], object],
    stop_requested: Callable[[], bool],
    cluster: Cluster,
) -> None:
    """Do the steps of the current epoch that are not done yet."""
    order = epoch_order(hyperparameters.seed, progress.epoch, count)
    size = hyperparameters.batch_size
    go, stop = tf.constant(0.0), tf.constant(1.0)
    clock = reported = time.perf_counter()
    for number in range(progress.step, steps_per_epoch(count, size)):
        batch = order[number * size : (number + 1) * size]
        loss_sum, correct, stops = step(tf.constant(batch), stop if stop_requested() else go).numpy().tolist()
        progress.step = number + 1
        progress.images += len(batch)
        progress.loss_sum += loss_sum
        progress.correct += int(correct)
        _expect_finite(progress.loss_sum, "the loss", progress, hyperparameters)
        now = time.perf_counter()
        progress.seconds += now - clock
        clock = now
        if stops:
            save(progress)
            raise StoppedError(
                f"Stopped by SIGTERM in epoch {progress.epoch + 1}/{hyperparameters.epochs} after step "
                f"{progress.step}: a checkpoint is written. Start the same job again to go on from there."
            )
        if cluster.is_chief and now - reported >= REPORT_SECONDS:
            print(progress.line(hyperparameters.epochs, count), flush=True)
            reported = now


def _training_step(model: Any, optimizer: Any, split: Split, compile_steps: bool, cluster: Cluster) -> Any:
    """A function that learns from a batch.

    It takes the numbers of the batch's images (int64) and whether this host is asked to stop (0 or 1). It returns
    three sums over all hosts: the losses, how many images were classified right, how many hosts are asked to stop;
    so all hosts stop after the same step.
    """
    images = tf.constant(split.images)  # on the device, once
    labels = tf.constant(split.labels.astype(np.int64))

    def learn(batch: Any, stop: Any) -> Any:
        indices = cluster.share(batch)
        expected = tf.gather(labels, indices)
        with tf.GradientTape() as tape:
            logits = model(tf.gather(images, indices), training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(expected, logits)
            loss = tf.reduce_sum(losses) / tf.cast(tf.size(batch), tf.float32)
        gradients = tape.gradient(loss, model.trainable_variables)
        told = tf.stack([tf.reduce_sum(losses), tf.cast(_correct(logits, expected), tf.float32), stop])
        *gradients, told = sum_over_workers([*gradients, told])
        optimizer.apply(gradients, model.trainable_variables)
        return told

    # One trace serves the epoch's short last batch too.
    signature = [tf.TensorSpec([None], tf.int64), tf.TensorSpec([], tf.float32)]

    @tf.function(input_signature=signature, jit_compile=compile_steps)  # type: ignore[untyped-decorator]
    def step(batch: Any, stop: Any) -> Any:
        return tf.distribute.get_strategy().run(learn, args=(batch, stop))

    return step


def _measurement(model: Any, split: Split, compile_steps: bool) -> Callable[[], tuple[float, float]]:
    """A function that returns the mean loss and the accuracy (0..1) of `model` on `split`."""

    @tf.function(reduce_retracing=True, jit_compile=compile_steps)  # type: ignore[untyped-decorator]
    def score(images: Any, labels: Any) -> tuple[Any, Any]:
        logits = model(images, training=False)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.reduce_sum(losses), _correct(logits, labels)

    def measure() -> tuple[float, float]:
        count, loss_sum, correct = len(split.labels), 0.0, 0
        for start in range(0, count, MEASURING_BATCH):
            rows = slice(start, start + MEASURING_BATCH)
            scores = score(tf.constant(split.images[rows]), tf.constant(split.labels[rows].astype(np.int64)))
            loss_sum, correct = loss_sum + float(scores[0]), correct + int(scores[1])
        return loss_sum / count, correct / count

    return measure


def _correct(logits: Any, labels: Any) -> Any:
    return tf.math.count_nonzero(tf.argmax(logits, axis=1) == labels)


def _expect_finite(value: float, what: str, progress: Progress, hyperparameters: Hyperparameters) -> None:
    if not math.isfinite(value):
        raise NonFiniteLossError(
            f"Training {hyperparameters.candidate}: {what} must be finite. Received: {value} in epoch "
            f"{progress.epoch + 1}/{hyperparameters.epochs} after step {progress.step}, with "
            f"learning_rate={hyperparameters.learning_rate}. Try a lower one."
        )
