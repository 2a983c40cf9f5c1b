"""Images as the records of a transform job: JSON Lines, one object an image, in files of thousands.

    {"images":[[0,0,…],…]}

An object with the input's name, since SageMaker's TensorFlow container takes a single line that is a list for the
list of all instances. Numbers, since the model's input is numbers: TensorFlow Serving takes Base64 for text alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.inference.batch.images import Image
from pipeline.inference.predicting.picture import SIDE, ImageError, Pixels

FILE_IMAGES = 10_000  # a file of some 22 MB
_AT_ONCE = 500
# A record in cells of four bytes, whose blanks are taken out at the end: what is around the rows, what is around
# the numbers of a row, and numbers with what is behind them.
_ROW = b"[   %b],  " % (b"    " * SIDE)
_FRAME = np.frombuffer(b'{"images":[ %b]   ]}\n ' % (_ROW * SIDE)[:-4], np.uint32)
_ROWS = slice(3, -1)
_INNER, _LAST = (
    np.frombuffer(b"".join(b"%3d%b" % (value, behind) for value in range(256)), np.uint32)
    for behind in (b",", b" ")
)


@dataclass
class Requests:
    """The records of some images, in `files` under `folder`; `names` are the images', file by file.

    `rejected` has the names of images that could not be read, with the reasons. `digest` is of all the content.
    """

    folder: Path
    files: list[Path] = field(default_factory=list)
    names: list[list[str]] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    digest: str = ""

    @property
    def count(self) -> int:
        """How many images can be scored."""
        return sum(map(len, self.names))


def write_requests(images: Iterable[Image], folder: Path, most: int = FILE_IMAGES) -> Requests:
    """Write the records into new files of the folder, at most so many in each. Raises OSError."""
    requests = Requests(folder)
    digest = hashlib.sha256()
    good = _readable(images, requests.rejected)
    for number, first in enumerate(good):
        path = folder / f"{number:05d}.jsonl"
        names: list[str] = []
        waiting: list[Pixels] = []
        with path.open("wb") as file:
            for name, pixels in _most(first, good, most):
                names.append(name)
                waiting.append(pixels)
                if len(waiting) == _AT_ONCE:
                    digest.update(content := records(np.stack(waiting)))
                    file.write(content)
                    waiting.clear()
            if waiting:
                digest.update(content := records(np.stack(waiting)))
                file.write(content)
        requests.files.append(path)
        requests.names.append(names)
    requests.digest = digest.hexdigest()
    return requests


def _readable(images: Iterable[Image], rejected: list[tuple[str, str]]) -> Iterator[tuple[str, Pixels]]:
    for image in images:
        try:
            pixels = image.load()
        except ImageError as error:
            rejected.append((image.name, str(error)))
        else:
            yield image.name, pixels


def _most(
    first: tuple[str, Pixels], rest: Iterator[tuple[str, Pixels]], count: int
) -> Iterator[tuple[str, Pixels]]:
    """The first, and as many of the rest as make `count`."""
    yield first
    with suppress(StopIteration):
        for _ in range(count - 1):
            yield next(rest)


def records(pixels: npt.NDArray[np.uint8]) -> bytes:
    """The lines of images (uint8, N×28×28)."""
    cells = np.tile(_FRAME, (len(pixels), 1))
    rows = cells[:, _ROWS].reshape(-1, SIDE, SIDE + 2)  # a view
    rows[..., 1:-2] = _INNER[pixels[..., :-1]]
    rows[..., -2] = _LAST[pixels[..., -1]]
    return cells.tobytes().translate(None, b" ")
