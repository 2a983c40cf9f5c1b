"""Container images, as far as a job has to know of them: what runs where the request does not say it.

Only the launcher `container` runs images; for the others a Container is made of none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Image:
    """An image that the engine has: the `name` to run it by, and the digest `id` of what is in it.

    `entry_point` and `arguments` are its ENTRYPOINT and CMD.
    """

    name: str
    id: str
    entry_point: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()

    def command(self, arguments: Sequence[str] = ()) -> list[str]:
        """What a container of it runs that is given `arguments`, its own ones if there are none."""
        return [*self.entry_point, *(arguments or self.arguments)]


@dataclass(frozen=True)
class InImage:
    """What a job's host gets as a container of `image`: the name `host`, and a share of the cores and GPUs.

    `network` is one that the job's hosts share, where they find each other by name.
    """

    image: Image
    host: str = "algo-1"
    cores: int = 1
    gpus: tuple[str, ...] = ()
    network: str | None = None
