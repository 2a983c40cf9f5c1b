"""Opens the registry of a target, to read models from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.local.home import Home
from pipeline.local.store import Store
from pipeline.predicting.models import LocalModels, Models


@contextmanager
def open_models(home: Home, group: str) -> Iterator[Models]:
    """The registered models of the target while the block lasts."""
    with Store(home) as store:
        yield LocalModels(home, store, group)
