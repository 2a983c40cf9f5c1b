#!/usr/bin/env bash
# Library:  MLflow 3.17.2 (mlflow-skinny), how a script's end becomes its run's status.
# Guess:    A run is FINISHED if the script ended well and FAILED if it did not: an exception that nobody caught and sys.exit(1)
#           fail it, sys.exit(0) does not, and it makes no difference whether start_run() stands in a with statement.
# Found:    It is all the difference, both ways. After a plain start_run() every end is FINISHED, the crash and status 1, too:
#           a search for finished runs finds the models of scripts that died. Within a with statement every exception is FAILED,
#           and sys.exit(0), with which a script says that all is well, is one.
# Output:   the script ends with    its status   start_run()   with start_run():
#           an exception            1            FINISHED      FAILED
#           sys.exit(1)             1            FINISHED      FAILED
#           sys.exit(0)             0            FINISHED      FAILED
#           its last line           0            FINISHED      FINISHED
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    mlflow-skinny==3.17.2 SQLAlchemy==2.1.9 alembic==1.20.1
cd "$work"
MLFLOW_TRACKING_URI="sqlite:///$work/mlflow.db" MLFLOW_DISABLE_TELEMETRY=true "$work/venv/bin/python" -W ignore - <<'PYTHON'
import logging
import subprocess
import sys

import mlflow

logging.disable(logging.CRITICAL)
ENDS = {"an exception": "raise ValueError('no data')", "sys.exit(1)": "sys.exit(1)", "sys.exit(0)": "sys.exit(0)"}
ENDS["its last line"] = "mlflow.log_param('a', 1)"
mlflow.set_experiment("ends")
print("the script ends with    its status   start_run()   with start_run():")
seen = {}
for title, end in ENDS.items():
    found = []
    for start in (f"mlflow.start_run()\n{end}", f"with mlflow.start_run():\n    {end}"):
        script = f"import sys\nimport mlflow\nmlflow.set_experiment('ends')\n{start}\n"
        status = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True).returncode
        (run,) = mlflow.search_runs(experiment_names=["ends"], max_results=1, output_format="list")
        found.append(run.info.status)
    seen[title] = status, *found
    print(f"{title:23} {status:<12} {found[0]:13} {found[1]}")
if [*seen.values()] != [(1, "FINISHED", "FAILED")] * 2 + [(0, "FINISHED", "FAILED"), (0, "FINISHED", "FINISHED")]:
    sys.exit("The behaviour has changed.")
PYTHON
