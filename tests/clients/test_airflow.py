"""Airflow's Amazon provider, unmodified."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.clients.as_client import ROLE, run_as_client
from tests.clients.environments import programs_of
from tests.pipeline.local.endpoint.conftest import BUCKET, definition, shell_step

HERE = Path(__file__).parent
CREATE = """
import boto3, sys
text = open("definition.json").read()
boto3.client("sagemaker").create_pipeline(PipelineName="Nightly", PipelineDefinition=text, RoleArn=sys.argv[1])
"""


def test_operators_and_a_sensor_of_airflow_run_a_pipeline_and_a_training(tmp_path: Path) -> None:
    programs = programs_of("airflow", dear=True)
    step = shell_step("Say", 'echo "the word is $WORD"')
    step["Arguments"]["Environment"] = {"WORD": {"Get": "Parameters.Word"}}
    (tmp_path / "definition.json").write_text(
        definition(step, parameters=({"Name": "Word", "Type": "String"},))
    )
    dags = tmp_path / "dags"
    dags.mkdir()
    shutil.copy(HERE / "airflow_dag.py", dags)
    settings = {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "ROLE": ROLE,
        "BUCKET": BUCKET,
    }
    python = programs / "python"
    subprocess.run(
        [python, "-m", "airflow", "db", "migrate"],
        env={**os.environ, **settings},
        check=True,
        capture_output=True,
    )
    run_as_client(tmp_path, python, "-c", CREATE, ROLE)
    done = run_as_client(tmp_path, python, dags / "airflow_dag.py", environment=settings)
    said = json.loads(done.stdout.splitlines()[-1])
    assert said == {"dag": "success", "tasks": dict.fromkeys(("start", "wait", "train"), "success")}
    text = done.stdout + done.stderr
    for number in range(1, 4):
        assert text.count(f"line {number} of the training") == 1, "each line of a log is printed once"
