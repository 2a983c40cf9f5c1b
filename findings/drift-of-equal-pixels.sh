#!/usr/bin/env bash
# Library:  the Cramér-von Mises drift test of Frouros 0.9.0, with SciPy 1.14.1 below it, and of Evidently 0.7.23, which has a
#           copy of SciPy's (so was it with alibi-detect 0.13.0 over SciPy 1.17.1).
# Guess:    As a detector with p < 0.05 it gives a false alarm for one pair in twenty at most; two samples that are all zeros
#           have equal distribution functions, so a statistic of 0 and p = 1. SciPy's source says what it does with equal
#           values: "in case of ties, use midrank".
# Found:    An equal value gets the mean of its ranks, and this is then compared with each one's own place in its sample, so the
#           statistic grows with the number of equal values. Two samples of one pixel that is dark in half of all images "have
#           drifted" every time, and so have 1000 zeros and 500 zeros. Pixels, counts and rounded confidences are all so;
#           the Kolmogorov-Smirnov test of the same libraries keeps its level.
# Output:   false alarms in 40 pairs of samples of one pixel (1000 images, 500 images)
#           dark in                 no image    half the images  9 of 10 images   all images
#           Frouros, CvM               4              40              40              40
#           Evidently, CvM             4              40              40              40
#           Frouros, KS                3               0               0               0
#           1000 zeros and 500 zeros: statistic 62.50, p = 1.5e-08
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    frouros==0.9.0 evidently==0.7.23 scipy==1.14.1 numpy==1.26.4
cd "$work"
export HOME="$work" DO_NOT_TRACK=1
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
import pandas as pd
from evidently import Report
from evidently.metrics import ValueDrift
from frouros.detectors.data_drift import CVMTest, KSTest

PAIRS, LEVEL = 40, 0.05


def frouros(test, before, after):
    detector = test()
    detector.fit(X=before)
    return detector.compare(X=after)[0].p_value


def evidently(before, after):
    report = Report([ValueDrift(column="pixel", method="cramer_von_mises")])
    run = report.run(pd.DataFrame({"pixel": after}), pd.DataFrame({"pixel": before}))
    return run.dict()["metrics"][0]["value"]


tests = {
    "Frouros, CvM": lambda *pair: frouros(CVMTest, *pair),
    "Evidently, CvM": evidently,
    "Frouros, KS": lambda *pair: frouros(KSTest, *pair),
}
seen = {name: [] for name in tests}
for dark in (0.0, 0.5, 0.9, 1.0):
    random = np.random.default_rng(7)
    # Brightness without equal values, as the mean of many pixels has it, or nothing.
    pairs = [
        [np.where(random.random(size) < dark, 0, random.uniform(1, 255, size)) for size in (1000, 500)]
        for _ in range(PAIRS)
    ]
    for name, test in tests.items():
        seen[name].append(sum(bool(test(*pair) < LEVEL) for pair in pairs))
print(f"false alarms in {PAIRS} pairs of samples of one pixel (1000 images, 500 images)")
print(f"{'dark in':24}no image    half the images  9 of 10 images   all images")
for name, alarms in seen.items():
    print(f"{name:20}" + "".join(f"{each:^16}" for each in alarms).rstrip())
zeros = CVMTest()
zeros.fit(X=np.zeros(1000))
result = zeros.compare(X=np.zeros(500))[0]
print(f"1000 zeros and 500 zeros: statistic {result.statistic:.2f}, p = {result.p_value:.1e}")
kept = seen.pop("Frouros, KS")
wrong = all(each[0] <= 6 and each[1:] == [PAIRS] * 3 for each in seen.values())
if not wrong or max(kept) > 6 or result.p_value > 1e-6:
    sys.exit("The behaviour has changed.")
PYTHON
