"""The names of the classes, which the evaluation writes down and a client of a served model has to know."""

from __future__ import annotations

import fashion_classes
from pipeline.inference.predicting.fashion_classes import CLASS_NAMES


def test_clients_call_the_classes_as_the_evaluation_does() -> None:
    assert CLASS_NAMES == fashion_classes.CLASS_NAMES
