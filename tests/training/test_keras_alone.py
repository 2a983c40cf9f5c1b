"""Keras is imported without packages that a training does not use, and everybody else can still import them."""

import importlib
import sys
from pathlib import Path

import pytest

from keras_alone import UNUSED, import_keras

FAKE = """
found = []
for name in ("matplotlib", "pandas", "sklearn", "json"):
    try:
        __import__(name)
    except ImportError:
        continue
    found.append(name)
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A Keras that notes what it can import, among packages that are all there and that nobody has imported."""
    for name in ("keras", *UNUSED):
        (tmp_path / f"{name}.py").write_text(FAKE if name == "keras" else "")
        monkeypatch.setitem(sys.modules, name, sys)  # so that what is imported here goes at the end
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    return monkeypatch


def test_keras_finds_none_of_them_and_who_asks_later_finds_them_all(fake: pytest.MonkeyPatch) -> None:
    import_keras()
    assert sys.modules["keras"].found == ["json"]
    assert not set(UNUSED) & sys.modules.keys()
    for name in UNUSED:
        assert importlib.import_module(name).__name__ == name
        fake.delitem(sys.modules, name)


def test_what_somebody_has_imported_already_stays(fake: pytest.MonkeyPatch) -> None:
    pandas = importlib.import_module("pandas")
    import_keras()
    assert sys.modules["keras"].found == ["pandas", "json"]
    assert sys.modules["pandas"] is pandas


def test_where_keras_is_missing_nothing_stays_hidden(fake: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text("raise ImportError('no keras here')")
    with pytest.raises(ImportError, match="no keras here"):
        import_keras()
    assert not set(UNUSED) & sys.modules.keys()
