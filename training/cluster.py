"""The hosts that train one model together: who they are, which one this is, and where they meet.

SageMaker starts train.py on every instance of a training job (`InstanceCount`; usually 1) and tells it the hosts'
names. Each host has a copy of the model and takes its share of every batch.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training_failure import UsageError

DEFAULT_PORT = 7777  # what SageMaker's driver sets SM_MASTER_PORT to


@dataclass(frozen=True)
class Cluster:
    """`addresses`: host:port of every host, in the same order on all of them; `rank`: this one's place."""

    addresses: tuple[str, ...] = ("localhost",)
    rank: int = 0

    @property
    def size(self) -> int:
        """How many hosts there are."""
        return len(self.addresses)

    @property
    def is_chief(self) -> bool:
        """Whether this host writes the log's metrics, the checkpoints and the model."""
        return self.rank == 0

    def share(self, batch: Any) -> Any:
        """This host's part of a batch's image numbers (array or tensor, one dimension): every `size`-th of them.

        The hosts' parts differ by one in length, or not at all.
        """
        return batch if self.size == 1 else batch[self.rank :: self.size]

    def expect_shares(self, count: int, batch_size: int) -> None:
        """Make sure that every batch of an epoch of `count` images has an image for every host.

        Normalization over the batch of all hosts cannot add up what a host without an image has not computed.

        Raises:
            UsageError: the batches, or the last of them, are smaller.
        """
        least = min(batch_size, count, count % batch_size or batch_size)
        if least < self.size:
            raise UsageError(
                f"Training on {self.size} hosts: with {count:,} training images and batch size {batch_size} an "
                f"epoch has a batch of {least}, which leaves a host without an image. Choose another batch size, "
                "or fewer hosts."
            )

    def tf_config(self) -> str:
        """The value of TF_CONFIG, from which TensorFlow's strategies read all this."""
        worker = {"cluster": {"worker": self.addresses}, "task": {"type": "worker", "index": self.rank}}
        return json.dumps(worker)


ALONE = Cluster()


def read_cluster(environ: Mapping[str, str]) -> Cluster:
    """The cluster that the SM_* variables of SageMaker's driver describe; one host if there are none.

    Every host listens at its own name. Where SM_MASTER_ADDR is none of the names it is the address of one machine
    that runs them all; for this case each host's port is its own: SM_MASTER_PORT plus its rank.

    Raises:
        UsageError: the variables contradict each other.
    """
    try:
        hosts = json.loads(environ.get("SM_HOSTS", '["localhost"]'))
        rank = hosts.index(environ.get("SM_CURRENT_HOST", hosts[0]))
        machine = environ.get("SM_MASTER_ADDR", hosts[0])
        port = int(environ.get("SM_MASTER_PORT", DEFAULT_PORT))
    except (ValueError, IndexError, KeyError, AttributeError) as error:
        raise UsageError(
            "SM_HOSTS must be a JSON list with SM_CURRENT_HOST in it, and SM_MASTER_PORT a number "
            f"({error}). Correct these variables, or set none of them."
        ) from error
    names = hosts if machine in hosts else [machine] * len(hosts)
    return Cluster(tuple(f"{name}:{port + place}" for place, name in enumerate(names)), rank)
