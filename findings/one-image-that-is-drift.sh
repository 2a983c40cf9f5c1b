#!/usr/bin/env bash
# Library:  Frouros 0.9.0, PSI, the population stability index.
# Guess:    PSI of two samples of one distribution is near 0, and the usual rule holds: 0.1 is a little, 0.25 is drift. A bin
#           that is empty in one sample is given a small share, as one image would have, and adds next to nothing.
# Found:    It is given the smallest number that a float can hold, so a bin adds its share times about 700: one image of a
#           thousand, alone in the outermost of the ten bins, is 0.7. The bins are cut over the range of both samples, so the
#           outermost ones are nearly empty by nature, and a batch of 50 of the same distribution nearly always "drifts".
#           Jensen and Shannon's distance, of the same bins, has no such jump.
# Output:   1000 images, and the same with one that is lighter: PSI 0.70, JS 0.02
#           same distribution        median PSI    over 0.25
#           1000 images and 1000           0.02      25 %
#           1000 images and 200            1.49      64 %
#           1000 images and 50            14.65      97 %
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check frouros==0.9.0 scipy==1.14.1 numpy==2.1.3
cd "$work"
"$work/venv/bin/python" -W error - <<'PYTHON'
import sys

import numpy as np
from frouros.detectors.data_drift import JS, PSI


def distance(measure, before, after):
    detector = measure()
    detector.fit(X=before)
    return float(detector.compare(X=after)[0].distance)


# The mean brightness of images.
random = np.random.default_rng(7)
images = np.clip(random.normal(72, 20, 1000), 15, 129)
lighter = images.copy()
lighter[0] = 145
one = distance(PSI, images, lighter), distance(JS, images, lighter)
print(f"1000 images, and the same with one that is lighter: PSI {one[0]:.2f}, JS {one[1]:.2f}")
print(f"{'same distribution':25}median PSI    over 0.25")
shares = []
for size in (1000, 200, 50):
    values = [distance(PSI, random.normal(72, 20, 1000), random.normal(72, 20, size)) for _ in range(200)]
    shares.append(np.mean(np.array(values) > 0.25))
    print(f"1000 images and {size:<8}{np.median(values):11.2f}{shares[-1]:10.0%}".replace("%", " %"))
if not (0.6 < one[0] < 0.8 and one[1] < 0.1 and shares[0] > 0.1 and shares[2] > 0.8):
    sys.exit("The behaviour has changed.")
PYTHON
