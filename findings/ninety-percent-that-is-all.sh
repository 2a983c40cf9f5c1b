#!/usr/bin/env bash
# Library:  uncertainty-calibration 0.1.4, get_calibration_error_uncertainties and get_top_calibration_error_uncertainties.
# Guess:    alpha=0.1, the default, gives the 90 % interval of the calibration error ("1-alpha confidence intervals"), 0.05 the
#           95 % one, and 0.5 one that is less than half as wide.
# Found:    alpha is handed on to a bootstrap that takes it for a percentage, whose own default is 10. So 0.1 is the 99.9 %
#           interval and 0.5 the 99.5 % one, and as there are 100 resamples each of them is the range of them all: whatever
#           alpha says, the interval is the same. Two models whose 90 % intervals lie apart seem to overlap. alpha=10 gives 90 %.
# Output:   asked for  alpha   its interval      width   SciPy's bootstrap  width
#           50 %       0.5     0.023 to 0.066   0.043   0.038 to 0.051    0.013
#           90 %       0.1     0.023 to 0.067   0.045   0.027 to 0.061    0.033
#           95 %       0.05    0.022 to 0.068   0.045   0.024 to 0.063    0.039
#           50 %       50      0.037 to 0.052   0.015
#           90 %       10      0.029 to 0.060   0.031
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check uncertainty-calibration==0.1.4 \
    scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W error - <<'PYTHON'
import sys

import calibration
import numpy as np
from scipy.stats import bootstrap

random = np.random.default_rng(7)
probabilities = random.random(1000)
labels = (random.random(1000) < probabilities**1.3).astype(int)


def error(places):
    places = places.astype(int)
    return calibration.get_calibration_error(probabilities[places], labels[places], p=1, debias=False)


print("asked for  alpha   its interval      width   SciPy's bootstrap  width")
width, right = {}, {}
for asked, alpha in ((50, 0.5), (90, 0.1), (95, 0.05), (50, 50), (90, 10)):
    np.random.seed(7)
    low, _, high = calibration.get_calibration_error_uncertainties(probabilities, labels, p=1, alpha=alpha)
    width[alpha] = high - low
    line = f"{asked} %       {alpha:<5}   {low:.3f} to {high:.3f}   {high - low:.3f}"
    if alpha < 1:
        low, high = bootstrap(
            (np.arange(1000),), error, vectorized=False, n_resamples=999, method="basic", rng=1, confidence_level=asked / 100
        ).confidence_interval
        right[asked] = high - low
        line += f"   {low:.3f} to {high:.3f}    {high - low:.3f}"
    print(line)
all_alike = max(width[0.5], width[0.1], width[0.05]) < 1.15 * min(width[0.5], width[0.1], width[0.05])
percent = all(0.7 < width[alpha] / right[asked] < 1.3 for asked, alpha in ((50, 50), (90, 10)))
if not all_alike or not percent or width[0.5] < 2 * right[50] or width[0.1] < 1.15 * right[90]:
    sys.exit(f"The behaviour has changed: {width}, {right}")
PYTHON
