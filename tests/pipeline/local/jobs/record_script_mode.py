"""Writes script_mode_5_1_4.json anew: what the sagemaker-training toolkit makes of some hyperparameters.

Run with a Python that has sagemaker-training 5.1.4 installed, which needs a compiler and is none of this project's
packages: `python tests/pipeline/local/jobs/record_script_mode.py`.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

HYPERPARAMETERS = {
    "sagemaker_program": '"train.py"',
    "sagemaker_submit_directory": '"s3://bucket/code/sourcedir.tar.gz"',
    "sagemaker_container_log_level": "10",
    "sagemaker_job_name": '"job-1"',
    "sagemaker_region": '"us-east-1"',
    "sagemaker_something_new": '"x"',
    "_tuning_objective_metric": "accuracy",
    "epochs": "3",
    "a": "1",
    "learning-rate": "1e-3",
    "rate": "0.10",
    "flag": "true",
    "Flag": "True",
    "nothing": "null",
    "empty": "",
    "quoted": '"text"',
    "list": '["z", 1]',
    "object": '{"y": 2, "x": [true]}',
    "spaced": "two words",
    "big": "12345678901234567890",
    "unicode": "größe",
    "not-a-number": "NaN",
    "model_dir": '"s3://bucket/model"',
}
GROUP = {
    "instance_group_name": "homogeneousCluster",
    "instance_type": "ml.m5.large",
    "hosts": ["algo-1", "algo-2"],
}
CONFIGURATION: dict[str, dict[str, Any]] = {
    "hyperparameters": HYPERPARAMETERS,
    "inputdataconfig": {
        "train": {
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        },
        "Validation": {"TrainingInputMode": "File", "ContentType": "text/csv"},
    },
    "resourceconfig": {
        "current_host": "algo-2",
        "current_instance_type": "ml.m5.large",
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1", "algo-2"],
        "instance_groups": [GROUP],
        "network_interface_name": "eth0",
    },
}


def main() -> None:
    """Run the toolkit's own Environment on CONFIGURATION, in a folder that stands for /opt/ml."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "input", "config")
        config.mkdir(parents=True)
        for name, content in CONFIGURATION.items():
            (config / f"{name}.json").write_text(json.dumps(content))
        os.environ |= {
            "SAGEMAKER_BASE_DIR": folder,
            "TRAINING_JOB_NAME": "job-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        from sagemaker_training import environment  # type: ignore[import-not-found]

        found = environment.Environment()
        recorded = {"arguments": found.to_cmd_args(), "variables": found.to_env_vars()}
        text = json.dumps(recorded, indent=1, ensure_ascii=False).replace(folder, "/opt/ml")
    Path(__file__).with_name("script_mode_5_1_4.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
