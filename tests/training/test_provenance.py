from pathlib import Path

import numpy as np

from provenance import code_digest, weights_digest


def test_the_code_digest_covers_names_and_contents_of_the_code(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("a")
    first = code_digest(tmp_path)
    (tmp_path / "notes.md").write_text("no code")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "train.pyc").write_text("no source")
    assert code_digest(tmp_path) == first
    (tmp_path / "train.py").write_text("b")
    second = code_digest(tmp_path)
    (tmp_path / "train.py").rename(tmp_path / "other.py")
    third = code_digest(tmp_path)
    (tmp_path / "requirements.txt").write_text("")
    assert len({first, second, third, code_digest(tmp_path)}) == 4


def test_the_weights_digest_covers_names_types_shapes_and_values() -> None:
    values = np.arange(6, dtype=np.float32)
    first = weights_digest({"a": values, "b": values})
    assert weights_digest({"b": values, "a": values}) == first
    others = [
        weights_digest({"a": values, "c": values}),
        weights_digest({"a": values, "b": values.astype(np.float64)}),
        weights_digest({"a": values, "b": values.reshape(2, 3)}),
        weights_digest({"a": values, "b": values + np.float32(1e-6)}),
    ]
    assert len({first, *others}) == 5
