#!/usr/bin/env bash
# Library:  Menelaus 0.2.0, HDDDM, which finds drift by Hellinger's distance between histograms, with its default settings.
# Guess:    The distance is averaged over the columns, so neither it nor its threshold depends on how many there are: of one
#           column, and of 16 copies of it, the same is said. And where all values are above those of the reference, which is
#           the greatest distance there can be (the square root of 2), it is drift.
# Found:    The first threshold, bootstrapped from the reference, adds the columns up and does not divide (and is a fifth of
#           the sum of 45 differences, not their mean). So with 16 copies it is above what any data can reach, and so it is with
#           the 784 pixels of an image, all independent. The batch is then joined to the reference, is half of what the next
#           one is compared with, and its jump makes the later thresholds: the drift is never found.
# Output:   columns          distance   its change   threshold   drift in batch
#           1                    1.41         1.23        0.11   1
#           4 copies             1.41         1.23        0.43   1
#           16 copies            1.41         1.23        1.72   none of 4
#           784 different        1.41         1.27       15.55   none of 4
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    menelaus==0.2.0 pandas==2.3.3 numpy==2.2.6 scikit-learn==1.7.2 scipy==1.15.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
import pandas as pd
from menelaus.data_drift import HDDDM


def hellinger(before, after, bins):
    """The distance between two columns' histograms, as the library's documentation has it."""
    ends = min(before.min(), after.min()), max(before.max(), after.max())
    shares = [np.histogram(column, bins, ends)[0] / len(column) for column in (before, after)]
    return np.sqrt(((np.sqrt(shares[0]) - np.sqrt(shares[1])) ** 2).sum())


def watched(reference, batches):
    """Of the first batch its distance, the change of it and the threshold; and the first batch that is drift."""
    np.random.seed(0)
    detector = HDDDM()
    detector.set_reference(pd.DataFrame(reference))
    drifts = []
    for number, batch in enumerate(batches, 1):
        detector.update(pd.DataFrame(batch))
        if detector.drift_state == "drift":
            drifts.append(number)
        if number == 1:
            (change,), (threshold,) = detector.epsilon_values.values(), detector.thresholds.values()
            first = float(detector.current_distance), float(change), float(threshold)
    return *first, drifts[0] if drifts else "none of 4"


random = np.random.default_rng(0)
dark = random.integers(0, 100, (1000, 784))
light = [random.integers(156, 256, (1000, 784)) for _ in range(4)]
seen = {"1": watched(dark[:, :1], [batch[:, :1] for batch in light])}
for copies in (4, 16):
    seen[f"{copies} copies"] = watched(dark[:, [0] * copies], [batch[:, [0] * copies] for batch in light])
seen["784 different"] = watched(dark, light)
print("columns          distance   its change   threshold   drift in batch")
for title, (distance, change, threshold, drift) in seen.items():
    print(f"{title:15} {distance:9.2f} {change:12.2f} {threshold:11.2f}   {drift}")
# The reference's second half stands for the batch before the first.
before = [hellinger(dark[:500, column], dark[500:, column], int(np.sqrt(500))) for column in range(784)]
farthest = hellinger(dark[:, 0], light[0][:, 0], int(np.sqrt(1000)))
changes = [farthest - before[0]] * 3 + [farthest - np.mean(before)]
thresholds = [threshold for _, _, threshold, _ in seen.values()]
if (
    not np.allclose([values[:2] for values in seen.values()], [(np.sqrt(2), change) for change in changes])
    or not np.allclose(thresholds[1:3], [4 * thresholds[0], 16 * thresholds[0]])
    or thresholds[3] < np.sqrt(2)
    or [drift for *_, drift in seen.values()] != [1, 1, "none of 4", "none of 4"]
):
    sys.exit("The behaviour has changed.")
PYTHON
