"""TensorFlow's side of training on several hosts: joining them, adding up over them, telling whether they agree."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from cluster import Cluster
from training_failure import LostHostError, TrainingError


def join_workers(cluster: Cluster) -> Any:
    """The strategy in whose scope the model is built and trained. Waits for the other hosts.

    Call it before TensorFlow computes anything. One host gets TensorFlow's default strategy, which does nothing.
    Several listen to each other without encryption or passwords, on all their network interfaces: on SageMaker the
    job's security group is what keeps others out.
    """
    if cluster.size == 1:
        return tf.distribute.get_strategy()
    os.environ["TF_CONFIG"] = cluster.tf_config()
    return tf.distribute.MultiWorkerMirroredStrategy()


def sum_over_workers(tensors: list[Any]) -> list[Any]:
    """Within a step: each tensor added up over the hosts."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return tensors
    return list(context.all_reduce("sum", tensors))


def expect_agreement(cluster: Cluster, what: str, text: str) -> None:
    """Wait for all hosts to come here, and make sure that they come with the same `text`.

    Raises:
        TrainingError: they do not.
    """
    if cluster.size == 1:
        return
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])

    @tf.function  # type: ignore[untyped-decorator]
    def gather() -> Any:
        return tf.distribute.get_replica_context().all_gather(tf.constant([number], tf.int64), axis=0)

    numbers = tf.distribute.get_strategy().run(gather).numpy().tolist()
    if numbers != [number] * cluster.size:
        raise TrainingError(
            f"Training on {cluster.size} hosts: {what} must be the same on all of them, and is {text} on "
            "this one, but not on others. Run the job again; if it was continued, remove its checkpoints "
            "first."
        )


@contextmanager
def while_together(cluster: Cluster) -> Iterator[None]:
    """Turn TensorFlow's complaint that another host does not answer into a LostHostError."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
        if cluster.size == 1:
            raise
        reason = error.message.rpartition("aborted by: ")[2].partition("\n")[0]
        raise LostHostError(
            f"Training on {cluster.size} hosts: another host does not answer: {reason} Look at their logs "
            "for the cause."
        ) from error
