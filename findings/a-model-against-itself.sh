#!/usr/bin/env bash
# Library:  statsmodels 0.15.0, mcnemar, the test of two classifiers on one test set (and scipy 1.17.1 below it).
# Guess:    A model that is compared with itself, or with one that is wrong on the same images, differs in nothing: p = 1, or an
#           error that there is nothing to compare. That is so for all three forms of the test.
# Found:    Only the exact form says p = 1. With exact=False, which a large test set suggests, and the continuity correction,
#           which is on unless switched off, the two differ with p = 0: (|0 - 0| - 1)^2 / (0 + 0) is taken for infinity. Without
#           the correction p is NaN. With one image that they disagree on, p is 1 again.
# Output:   wrong in A alone, in B alone   exact    corrected  uncorrected
#           0, 0                           1.0000   0.0000     nan
#           1, 0                           1.0000   1.0000     0.3173
#           1, 1                           1.0000   0.4795     1.0000
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

forms = {"exact": {"exact": True}, "corrected": {"exact": False}, "uncorrected": {"exact": False, "correction": False}}
print(f"{'wrong in A alone, in B alone':30} {'exact':8} {'corrected':10} uncorrected")
seen = {}
for a_alone, b_alone in ((0, 0), (1, 0), (1, 1)):
    table = [[9250, a_alone], [b_alone, 750 - a_alone - b_alone]]  # both right, one alone, the other alone, both wrong
    seen[a_alone, b_alone] = exact, corrected, uncorrected = [float(mcnemar(table, **form).pvalue) for form in forms.values()]
    print(f"{f'{a_alone}, {b_alone}':30} {exact:<8.4f} {corrected:<10.4f} {uncorrected:.4f}")
exact, corrected, uncorrected = seen[0, 0]
if (exact, corrected, math.isnan(uncorrected)) != (1.0, 0.0, True) or seen[1, 0][:2] != [1.0, 1.0]:
    sys.exit("The behaviour has changed.")
PYTHON
