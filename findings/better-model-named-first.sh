#!/usr/bin/env bash
# Library:  mlxtend 0.25.0, proportion_difference, the test of two models' accuracies.
# Guess:    p says how likely so large a difference is between two equal models, so it is 1 for equal accuracies and the same
#           whichever model is named first. The user's guide compares it with 0.05 to find "a statistically significant
#           difference", and speaks of z greater than 1.96.
# Found:    p is the part of the normal distribution below z, one side alone. With the better model first p is near 1 the more
#           certainly it is better, and no difference is ever significant; with the worse one first p is half of what it
#           should be, so that two models that do not differ at 0.05 do. No argument asks for the other side, or for both.
# Output:   accuracies on 1000 images      z      p       both sides (statsmodels)
#           0.850 and 0.900            -3.39   0.0003   0.0007
#           0.900 and 0.850             3.39   0.9997   0.0007
#           0.800 and 0.900            -6.32   0.0000   0.0000
#           0.900 and 0.800             6.32   1.0000   0.0000
#           0.875 and 0.900            -1.77   0.0383   0.0766
#           0.900 and 0.900             0.00   0.5000   1.0000
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check mlxtend==0.25.0 statsmodels==0.15.0 \
    scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6 pandas==3.1.1
cd "$work"
"$work/venv/bin/python" -W error - <<'PYTHON'
import sys

from mlxtend.evaluate import proportion_difference
from statsmodels.stats.proportion import test_proportions_2indep

IMAGES = 1000
PAIRS = ((850, 900), (900, 850), (800, 900), (900, 800), (875, 900), (900, 900))
print(f"accuracies on {IMAGES} images      z      p       both sides (statsmodels)")
seen = []
for first, second in PAIRS:
    z, p = proportion_difference(first / IMAGES, second / IMAGES, IMAGES)
    both = test_proportions_2indep(first, IMAGES, second, IMAGES, method="wald", correction=False)
    if abs(both.statistic - z) > 1e-9:
        sys.exit(f"The behaviour has changed: z is {z}, not {both.statistic}")
    seen.append((round(float(p), 4), round(float(both.pvalue), 4)))
    print(f"{first / IMAGES:.3f} and {second / IMAGES:.3f}           {z:6.2f}   {p:.4f}   {both.pvalue:.4f}")
if seen != [(0.0003, 0.0007), (0.9997, 0.0007), (0, 0), (1, 0), (0.0383, 0.0766), (0.5, 1)]:
    sys.exit(f"The behaviour has changed: {seen}")
PYTHON
