#!/usr/bin/env bash
# Library:  statsmodels 0.15.0, mcnemar(exact=False), the test of two models on the same images.
# Guess:    Two models that get the same images right have p = 1, as the exact test says. Equal counts of images that only the
#           one and only the other gets right are the least evidence of a difference that there is.
# Found:    With the default continuity correction p is 0.0 for models that never disagree: (|0 - 0| - 1)^2 / 0 is infinite.
#           And 1 against 1 has a smaller p than 1 against 2, as 1 is taken off a difference of 0 too. A sweep of many pairs
#           reports its identical models as the most significant. Without the correction identical models have NaN; R's
#           mcnemar.test leaves the correction off where the counts are equal. exact=True is right.
# Output:   only one right, only the other   exact    corrected   uncorrected
#           0, 0                             1.0000      0.0000           nan
#           1, 1                             1.0000      0.4795        1.0000
#           1, 2                             1.0000      1.0000        0.5637
#           5, 5                             1.0000      0.7518        1.0000
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check statsmodels==0.15.0 numpy==2.4.6 scipy==1.17.1 \
  pandas==3.1.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import math
import sys

from statsmodels.stats.contingency_tables import mcnemar

print("only one right, only the other   exact    corrected   uncorrected")
found = {}
for one, other in ((0, 0), (1, 1), (1, 2), (5, 5)):
    table = [[9000, one], [other, 500]]
    exact = float(mcnemar(table, exact=True).pvalue)
    corrected = float(mcnemar(table, exact=False).pvalue)
    uncorrected = float(mcnemar(table, exact=False, correction=False).pvalue)
    print(f"{f'{one}, {other}':30} {exact:8.4f} {corrected:11.4f} {uncorrected:13.4f}")
    found[one, other] = (exact, corrected, uncorrected)
identical = found[0, 0]
if not (identical[:2] == (1, 0) and math.isnan(identical[2]) and found[1, 1][1] < 0.5 < found[1, 2][1]):
    sys.exit(f"The behaviour has changed: {found}")
PYTHON
