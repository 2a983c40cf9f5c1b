import random
from pathlib import Path

import numpy as np

from pipeline.analysis.array_files import UNREADABLE


def test_every_damage_raises_one_of_these(tmp_path: Path) -> None:
    rng, path = random.Random(0), tmp_path / "arrays.npz"
    values = np.random.default_rng(0).integers(0, 9, (200, 10))
    np.savez_compressed(path, labels=values[:, 0], probabilities=values.astype(np.float32))
    content = path.read_bytes()
    failures = set()
    for _ in range(600):
        damaged = bytearray(content)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged[: rng.choice([len(damaged), rng.randrange(len(damaged))])])
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                assert all(archive[name].size >= 0 for name in archive.files)
        except UNREADABLE as error:
            failures.add(type(error).__name__)
    assert {"BadZipFile", "error"} <= failures  # zlib's class is called error
