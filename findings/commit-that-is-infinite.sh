#!/usr/bin/env bash
# Library:  SageMaker's script mode: the driver that SDK v3 sends into the container (sagemaker-train 1.27.0, of sagemaker
#           3.27.0), and the toolkit of the framework containers (sagemaker-training 5.1.4).
# Guess:    A hyperparameter that is text reaches the script as that text: hyperparameters are strings in the API, and
#           ModelTrainer sends a str unchanged.
# Found:    Both read each value as JSON if that is possible at all, and write what they read. The version "1.10" arrives as
#           1.1, and a commit's short hash that consists of digits around one "e" as infinity, or as another number: about one
#           hash of seven characters in sixty. The two disagree on how infinity, truth and nothing are written.
#           Quoted ('"1.10"', as SDK v2 did), both pass it on as text.
# Output:   sent        SDK v3's driver        the toolkit
#           1.10        --release 1.1          --release 1.1
#           12e5678     --commit Infinity      --commit inf
#           0012345     --commit 0012345       --commit 0012345
#           true        --flag true            --flag True
#           null        --parent null          --parent (empty)
#           "1.10"      --release 1.10         --release 1.10
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check boto3==1.44.5 six==1.17.0 setuptools==84.2.1
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check --no-deps \
    sagemaker-training==5.1.4 sagemaker-train==1.27.0
cd "$work"
mkdir -p base/input/config
SAGEMAKER_BASE_DIR="$work/base" SM_STUDIO_LOCAL_MODE=true "$work/venv/bin/python" - <<'PYTHON'
import json
import os
import runpy
import sys
import sysconfig

driver = runpy.run_path(
    os.path.join(sysconfig.get_path("purelib"), "sagemaker/train/container_drivers/common/utils.py")
)
from sagemaker_training import environment, mapping

sent = [
    ("release", "1.10"),
    ("commit", "12e5678"),
    ("commit", "0012345"),
    ("flag", "true"),
    ("parent", "null"),
    ("release", '"1.10"'),
]
seen = []
for name, value in sent:
    with open(os.path.join(os.environ["SAGEMAKER_BASE_DIR"], "input/config/hyperparameters.json"), "w") as file:
        json.dump({name: value}, file)
    toolkit = mapping.to_cmd_args(environment.read_hyperparameters())
    ours = driver["hyperparameters_to_cli_args"]({name: value})
    print(f"{value:11} {' '.join(ours):22} {' '.join(toolkit)}")
    seen.append((ours[1], toolkit[1]))
if seen != [
    ("1.1", "1.1"),
    ("Infinity", "inf"),
    ("0012345", "0012345"),
    ("true", "True"),
    ("null", ""),
    ("1.10", "1.10"),
]:
    sys.exit(f"The behaviour has changed: {seen}")
PYTHON
