"""Images to score, and an account on stand-ins."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.pipeline.inference.predicting.tiny_model import bright_rows
from tests.pipeline.targets.aws.cloud.account import Cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """An account with the stack in it."""
    with Cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


def idx(images: npt.NDArray[np.uint8]) -> bytes:
    """An IDX file."""
    return struct.pack(">4I", 0x803, len(images), 28, 28) + images.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images of every kind: three pictures, two of them good, and an IDX file of three rows."""
    folder = tmp_path / "images"
    (folder / "deep").mkdir(parents=True)
    Image.fromarray(bright_rows(7)).save(folder / "b.png")
    Image.fromarray(bright_rows(2)).save(folder / "deep" / "a.JPG", quality=95)
    (folder / "broken.png").write_bytes((folder / "b.png").read_bytes()[:60])
    (folder / "notes.txt").write_text("none of them")
    rows = np.stack([bright_rows(label) for label in (0, 4, 9)])
    (folder / "x-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(rows)))
    return folder
