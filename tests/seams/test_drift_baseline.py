"""The baseline: evaluate.py takes it of float32 answers; a monitor of the same answers as servers write them."""

from __future__ import annotations

import json

import numpy as np

from drift_measures import measure
from pipeline.inference.serving.rest_format import PredictRequest
from pipeline.inference.serving.rest_response import format_response


def test_an_answer_measures_alike_before_and_after_it_was_served() -> None:
    rng = np.random.default_rng(5)
    answers = rng.dirichlet(np.full(10, 0.05), 3_000).astype(np.float32)
    body = format_response(PredictRequest("serving_default", {}, True), {"probabilities": answers})
    served = np.array(json.loads(body)["predictions"])
    pixels = np.zeros((3_000, 28, 28), np.uint8)
    before, after = measure(pixels, answers), measure(pixels, served)
    assert all((before[name] == after[name]).all() for name in before)
