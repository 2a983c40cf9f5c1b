#!/usr/bin/env bash
# Library:  Keras 3.15.1, top-k accuracy, with JAX 0.10.2 below it (so was it with TensorFlow 2.21.0).
# Guess:    A dead network, whose ten outputs are all 0.1, is right in one case of ten, and among its best three in three of ten;
#           with k=1 top-k accuracy is accuracy.
# Found:    Ties count as hits: a class is among the best k unless k others are above it. The dead network is always right, a
#           network that says class 0 with certainty whatever it sees has its label among the best two in all cases, and the
#           metric rewards saturated outputs, the more of them are exactly equal, as in 16-bit floats. "accuracy" is not
#           touched by it, nor is scikit-learn's top_k_accuracy_score.
# Output:                            accuracy  k=1   k=2   k=3   scikit-learn's, k=3
#           all outputs are 0.1      0.10      1.00  1.00  1.00  0.30
#           class 0 with certainty   0.10      0.10  1.00  1.00  0.30
#           random outputs           0.10      0.10  0.20  0.30  0.30
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check keras==3.15.1 jax==0.10.2 scikit-learn==1.9.1
cd "$work"
KERAS_BACKEND=jax "$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import keras
import numpy as np
from sklearn.metrics import top_k_accuracy_score

labels = np.arange(10_000) % 10
certain = np.zeros((len(labels), 10), np.float32)
certain[:, 0] = 1
outputs = {
    "all outputs are 0.1": np.full((len(labels), 10), 0.1, np.float32),
    "class 0 with certainty": certain,
    "random outputs": np.random.default_rng(7).random((len(labels), 10), np.float32),
}
print(f"{'':24} accuracy  k=1   k=2   k=3   scikit-learn's, k=3")
seen = []
for title, given in outputs.items():
    metrics = [keras.metrics.SparseCategoricalAccuracy()]
    metrics += [keras.metrics.SparseTopKCategoricalAccuracy(k=k) for k in (1, 2, 3)]
    for metric in metrics:
        metric.update_state(labels, given)
    values = [round(float(metric.result()), 2) for metric in metrics]
    values.append(round(top_k_accuracy_score(labels, given, k=3), 2))
    seen.append(values)
    print(f"{title:24} {values[0]:.2f}      " + "  ".join(f"{value:.2f}" for value in values[1:]))
if seen[:2] != [[0.1, 1, 1, 1, 0.3], [0.1, 0.1, 1, 1, 0.3]] or any(
    abs(value - chance) > 0.03 for value, chance in zip(seen[2], (0.1, 0.1, 0.2, 0.3, 0.3), strict=True)
):
    sys.exit("The behaviour has changed.")
PYTHON
