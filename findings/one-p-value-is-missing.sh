#!/usr/bin/env bash
# Library:  statsmodels 0.15.0, multipletests, the correction of p-values for several comparisons.
# Guess:    A comparison that gave no p-value (NaN: one seed, no difference) is refused, or left out as pandas leaves it out; or
#           all that it is in becomes NaN. And the two things that are returned agree: rejected means corrected p <= alpha.
# Found:    It depends on the method, and no warning is given. "fdr_bh" rejects the first and says that its corrected p is NaN,
#           as it says of all. "hommel" rejects none, though p = 0.001 among three survives every method. "holm" and
#           "bonferroni" correct the others, but for three comparisons.
# Output:   p-values 0.001, nan, 0.2      rejected               corrected
#           bonferroni                    True  False False      0.003 nan   0.600
#           holm                          True  False False      0.003 nan   0.400
#           simes-hochberg                True  False False      nan   nan   nan
#           hommel                        False False False      nan   nan   nan
#           fdr_bh                        True  False False      nan   nan   nan
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check statsmodels==0.15.0 numpy==2.4.6 scipy==1.17.1 \
  pandas==3.1.1
cd "$work"
"$work/venv/bin/python" -W error - <<'PYTHON'
import sys

import numpy as np
from statsmodels.stats.multitest import multipletests

print(f"{'p-values 0.001, nan, 0.2':29} {'rejected':22} corrected")
rejected, known = {}, {}
for method in ("bonferroni", "holm", "simes-hochberg", "hommel", "fdr_bh"):
    reject, corrected, _, _ = multipletests([0.001, float("nan"), 0.2], method=method)
    left = " ".join(f"{bool(one)!s:5}" for one in reject)
    print(f"{method:29} {left:22} " + " ".join(f"{one:<5.3f}" for one in corrected))
    rejected[method], known[method] = reject.tolist(), np.isfinite(corrected).tolist()
first = [True, False, False]
same = all(rejected[method] == (first if method != "hommel" else [False] * 3) for method in rejected)
two = [True, False, True]
alike = all(known[method] == (two if method in ("bonferroni", "holm") else [False] * 3) for method in known)
if not (same and alike):
    sys.exit(f"The behaviour has changed: {rejected}, {known}")
PYTHON
