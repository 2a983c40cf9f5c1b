#!/usr/bin/env bash
# Library:  smclarify 0.5, the open library of SageMaker Clarify's bias metrics (pandas 2.3.3).
# Guess:    Of the labels 0 (the loan was repaid) and 1, 0 is the favourable outcome: positive_label_values=[0], as a binary
#           label wants one value. DPL, the difference of the groups' shares of it, is the same whether the column is of
#           integers or of floats, which pandas makes of it where one label was missing, and for few rows or many.
# Found:    Floats are always taken for a quantity, and so are integers where the distinct ones are at least 5 % of the rows:
#           with two labels, up to 40 rows. The value is then a threshold, what is above it counts, and nothing warns. So 0
#           means 1: the group at a disadvantage is the one at an advantage, by as much. And 1 means no row: the bias is 0.
# Output:   DPL with the positive label          0        1
#           by hand                           +0.40    -0.40
#           1000 integers                     +0.40    -0.40
#           1000 floats                       -0.40     0.00
#           40 integers                       -0.40     0.00
#           41 integers                       +0.41    -0.41
#           1000 booleans                     +0.40    -0.40
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    pandas==2.3.3 numpy==2.2.6 scikit-learn==1.7.2 scipy==1.15.3 pyfunctional==1.5.0
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check --no-deps smclarify==0.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import io
import logging
import sys

import pandas as pd
from smclarify.bias.report import FacetColumn, LabelColumn, StageType, bias_report

logging.disable(logging.CRITICAL)


def by_hand(data, positive):
    """The share of the positive label in group a less that in group b."""
    share = (data["defaulted"] == positive).groupby(data["group"]).mean()
    return share["a"] - share["b"]


def reported(data, positive):
    label = LabelColumn("defaulted", data["defaulted"], [positive])
    report = bias_report(data, FacetColumn("group", ["b"]), label, StageType.PRE_TRAINING, metrics=["DPL"])
    return report[0]["metrics"][0]["value"]


# Of ten loans of group a 8 were repaid, of ten of group b 4.
rows = [(group, int(loan >= repaid)) for loan in range(10) for group, repaid in (("a", 8), ("b", 4))] * 50
data = pd.DataFrame(rows, columns=["group", "defaulted"])
gap = data.to_csv(index=False) + "a,\n"
floats = pd.read_csv(io.StringIO(gap)).dropna()
assert str(floats["defaulted"].dtype) == "float64" and (floats["defaulted"] == data["defaulted"]).all()
seen = {
    "by hand": [by_hand(data, 0), by_hand(data, 1)],
    "1000 integers": [reported(data, 0), reported(data, 1)],
    "1000 floats": [reported(floats, 0.0), reported(floats, 1.0)],
    "40 integers": [reported(data[:40], 0), reported(data[:40], 1)],
    "41 integers": [reported(data[:41], 0), reported(data[:41], 1)],
    "1000 booleans": [reported(data.astype({"defaulted": bool}), value) for value in (False, True)],
}
print(f"{'DPL with the positive label':32} {0:5} {1:8}")
for title, values in seen.items():
    print(f"{title:30} {values[0]:+8.2f} {values[1]:+8.2f}".replace("+0.00", " 0.00"))
few = [by_hand(data[:41], 0), by_hand(data[:41], 1)]
right = [[0.4, -0.4], [0.4, -0.4], [-0.4, 0], [-0.4, 0], few, [0.4, -0.4]]
if any(abs(one - two) > 1e-9 for values, wanted in zip(seen.values(), right) for one, two in zip(values, wanted)):
    sys.exit("The behaviour has changed.")
PYTHON
