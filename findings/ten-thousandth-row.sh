#!/usr/bin/env bash
# Library:  NannyML 0.13.1, the Kolmogorov-Smirnov statistic of UnivariateDriftCalculator (for Python 3.11 and 3.12).
# Guess:    It goes by ranks, so one wild value among 10,000 moves it by 1/10,000 at most. A large reference is binned, at
#           quantiles as the documentation has it, which keeps that; and whoever minds asks for the exact one:
#           computation_params={"kolmogorov_smirnov": {"calculation_method": "exact"}}.
# Found:    From 10,000 rows on, the reference is cut into 10,000 bins of equal width between its extremes. One value that
#           stands for "missing" leaves all others in the first bin, where no drift is seen: images that are lighter by two
#           standard deviations have a D of 0.0001, and no alert. With one row less it is 0.7. The request for the exact one
#           is not heard, as it is looked up one level too high in what was given.
# Output:   reference: the brightness of images                   D   alert   SciPy's D
#           9,999                                            0.6990   yes        0.6990
#           10,000                                           0.6990   yes        0.6990
#           9,999, one of them 2147483647                    0.6989   yes        0.6989
#           10,000, one of them 2147483647                   0.0001   no         0.6989
#           10,000, one of them 2147483647, "exact"          0.0001   no         0.6989
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    numpy==2.2.6 scipy==1.15.3 pandas==2.3.3 scikit-learn==1.7.2 matplotlib==3.11.2 seaborn==0.13.2 plotly==5.24.1 \
    category_encoders==2.11.2 FLAML==2.8.0 lightgbm==4.5.0 xgboost-cpu==3.2.0 segment-analytics-python==2.4.0 \
    statsmodels==0.15.0 fsspec==2026.9.0 pydantic==2.14.4 python-dotenv==1.2.4 PyYAML==6.0.4 python-dateutil==2.9.0.post0
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check --no-deps nannyml==0.13.1
cd "$work"
NML_DISABLE_USAGE_LOGGING=1 MPLCONFIGDIR="$work" "$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import nannyml
import numpy as np
import pandas as pd
from scipy.stats import ks_2samp


def drift(reference, images, **settings):
    """D of these images and of the reference, whether it is an alert, and SciPy's D."""
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=["brightness"], continuous_methods=["kolmogorov_smirnov"], chunk_size=len(images), **settings
    )
    calculator.fit(pd.DataFrame({"brightness": reference}))
    result = calculator.calculate(pd.DataFrame({"brightness": images})).filter(period="analysis").to_df()
    found = result["brightness", "kolmogorov_smirnov"].iloc[0]
    return float(found["value"]), bool(found["alert"]), float(ks_2samp(reference, images).statistic)


random = np.random.default_rng(1)
reference = random.normal(72, 20, 10_000).clip(15, 129)
lighter = random.normal(112, 20, 1000).clip(15, 129)
missing = reference.copy()
missing[0] = 2**31 - 1
exact = {"kolmogorov_smirnov": {"calculation_method": "exact", "n_bins": 10_000}}
seen = {
    "9,999": drift(reference[:-1], lighter),
    "10,000": drift(reference, lighter),
    "9,999, one of them 2147483647": drift(missing[:-1], lighter),
    "10,000, one of them 2147483647": drift(missing, lighter),
    '10,000, one of them 2147483647, "exact"': drift(missing, lighter, computation_params=exact),
}
print(f"{'reference: the brightness of images':48} {'D':>6}   alert   SciPy's D")
for title, (statistic, alert, wanted) in seen.items():
    print(f"{title:48} {statistic:6.4f}   {'yes' if alert else 'no':5} {wanted:11.4f}")
right = [(0.699, True)] * 3 + [(0.0001, False)] * 2
if any(abs(value[0] - wanted[0]) > 0.001 or value[1] != wanted[1] for value, wanted in zip(seen.values(), right, strict=True)):
    sys.exit("The behaviour has changed.")
PYTHON
