#!/usr/bin/env bash
# Library:  mlxtend 0.25.0, bootstrap_point632_score(method=".632+"), with scikit-learn 1.9.1.
# Guess:    An accuracy is between 0 and 1, and that of the .632+ bootstrap between the out-of-bag accuracy and the .632 one: it
#           goes from the second to the first the more a model overfits. Efron and Tibshirani have the relative overfitting
#           rate R cut off at 0 and 1, so that the weight of the out-of-bag error is 0.632 to 1.
# Found:    R is not cut off, and is computed anew for each bootstrap sample. It is divided by what the training error is below
#           that of guessing, which is next to nothing for a model that is hardly better than guessing, and that is what
#           .632+ was made for. One sample of 200 then has an accuracy of -4595 % or 965 % and drags the mean with it,
#           without a warning: the model at 0.63 is no worse than the one at 0.90.
# Output:   300 rows, one in ten positive   out-of-bag   .632    .632+   lowest   highest   as published
#           nearest neighbours                  0.888   0.896    0.634   -45.95      1.83          0.889
#           naive Bayes                         0.884   0.890    0.787   -24.61      9.65          0.887
#           decision tree                       0.890   0.904    0.897     0.79      1.16          0.900
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check mlxtend==0.25.0 scikit-learn==1.9.1 \
    scipy==1.17.1 numpy==2.4.6 pandas==3.1.1
cd "$work"
"$work/venv/bin/python" -W error - <<'PYTHON'
import sys

import numpy as np
from mlxtend.evaluate import BootstrapOutOfBag, bootstrap_point632_score
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

SAMPLES = 200
MODELS = {
    "nearest neighbours": KNeighborsClassifier(5),
    "naive Bayes": GaussianNB(),
    "decision tree": DecisionTreeClassifier(max_depth=3, random_state=0),
}
rows, labels = make_classification(
    300, 10, n_informative=2, n_redundant=0, weights=[0.9], class_sep=0.5, random_state=5
)


def published(model):
    """The .632+ accuracy of Efron and Tibshirani (1997), from the same bootstrap samples."""
    wrong, times = np.zeros(len(labels)), np.zeros(len(labels))
    for train, test in BootstrapOutOfBag(n_splits=SAMPLES, random_seed=1).split(rows):
        wrong[test] += clone(model).fit(rows[train], labels[train]).predict(rows[test]) != labels[test]
        times[test] += 1
    answers = clone(model).fit(rows, labels).predict(rows)
    training = (answers != labels).mean()
    guessing = sum((labels == each).mean() * (answers != each).mean() for each in (0, 1))
    left_out = min((wrong / times).mean(), guessing)
    overfitting = (left_out - training) / (guessing - training) if training < min(left_out, guessing) else 0
    weight = 0.632 / (1 - 0.368 * overfitting)
    return 1 - (1 - weight) * training - weight * left_out


print("300 rows, one in ten positive   out-of-bag   .632    .632+   lowest   highest   as published")
seen = {}
for title, model in MODELS.items():
    scores = {
        method: bootstrap_point632_score(model, rows, labels, n_splits=SAMPLES, method=method, random_seed=1)
        for method in ("oob", ".632", ".632+")
    }
    means = [score.mean() for score in scores.values()]
    lowest, highest = scores[".632+"].min(), scores[".632+"].max()
    seen[title] = [*means, lowest, highest, published(model)]
    print(f"{title:33} {means[0]:7.3f} {means[1]:7.3f} {means[2]:8.3f} {lowest:8.2f}  {highest:8.2f} {seen[title][-1]:14.3f}")
beyond = [seen[title] for title in ("nearest neighbours", "naive Bayes")]
if any(row[2] > row[0] - 0.05 or row[3] > 0 or row[4] < 1 for row in beyond):
    sys.exit(f"The behaviour has changed: {seen}")
if any(not row[0] - 0.02 < row[-1] < row[1] + 0.02 for row in seen.values()):
    sys.exit(f"The published estimate is not between the other two: {seen}")
PYTHON
