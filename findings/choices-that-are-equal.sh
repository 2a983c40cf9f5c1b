#!/usr/bin/env bash
# Library:  Optuna 5.0.0, suggest_categorical.
# Guess:    Choices are told apart by what they are: scikit-learn's max_features=1 (one feature) and 1.0 (all of them) are
#           two choices, and a study's best_params is what its best trial ran with.
# Found:    Both are tried, but a choice is stored as the index of the first one that compares equal, and 1 == 1.0 == True,
#           0 == False. The objective got 1.0, the study remembers 1: best_params names a setting that was not the best one,
#           trials that ran differently look the same to samplers and importances, and no warning is given.
# Output:   ran with   1.0     1       'sqrt'  'sqrt'  1.0     1       ...
#           remembered 1       1       'sqrt'  'sqrt'  1       1       ...
#           the best trial ran with 1.0, best_params says 1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check optuna==5.0.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import sys

import optuna

optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
ran = []


def objective(trial):
    features = trial.suggest_categorical("max_features", [1, 1.0, "sqrt"])
    ran.append(features)
    return {"1": 0.60, "1.0": 0.90, "'sqrt'": 0.80}[repr(features)]


study.optimize(objective, n_trials=20)
remembered = [trial.params["max_features"] for trial in study.trials]
best = ran[study.best_trial.number]
print("ran with  ", *(f"{value!r:7}" for value in ran))
print("remembered", *(f"{value!r:7}" for value in remembered))
print(f"the best trial ran with {best!r}, best_params says {study.best_params['max_features']!r}")
kinds = {repr(value) for value in ran}, {repr(value) for value in remembered}
if kinds != ({"1", "1.0", "'sqrt'"}, {"1", "'sqrt'"}) or (repr(best), repr(study.best_params["max_features"])) != ("1.0", "1"):
    sys.exit(f"The behaviour has changed: {kinds}")
PYTHON
