"""The native driver and the SDK's own driver files do the same to a script.

The SDK's files run in a subprocess, with the container's root replaced in their text: they hold it in constants.
"""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StepFailed
from pipeline.local.jobs.container import Container
from pipeline.local.jobs.training_driver import local_command, script_command, sm_variables

HYPERPARAMETERS = {
    "candidate": "cnn-3x3",
    "kernel-size": "3",
    "learning-rate": "1e-3",
    "ratio": "0.10",
    "big": "12345678901234567890",
    "flag": "true",
    "Flag": "True",
    "nothing": "null",
    "empty": "",
    "quoted": '"text"',
    "list": "[1,2]",
    "object": '{"b": 1, "a": [true]}',
    "spaced": "two words",
    "unicode": "größe",
    "not-a-number": "NaN",
    "commit": "12e5678",  # the driver reads JSON: infinity
    "path": "/data/x",
}
INPUT_DATA_CONFIG = {
    name: {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    for name in ("code", "sm_drivers", "train", "Validation")
}


def resource_config(count: int = 1, current: int = 1) -> dict[str, Any]:
    """As the service writes it for host number `current` of `count`."""
    hosts = [f"algo-{number}" for number in range(1, count + 1)]
    group = {"instance_group_name": "homogeneousCluster", "instance_type": "ml.g5.xlarge", "hosts": hosts}
    return {
        "current_host": f"algo-{current}",
        "current_instance_type": "ml.g5.xlarge",
        "current_group_name": "homogeneousCluster",
        "hosts": hosts,
        "instance_groups": [group],
        "network_interface_name": "eth0",
    }


@dataclass
class Drivers:
    """A container's folder with the SDK's driver files, which think that it is the container."""

    container: Container

    def write(self, path: str, content: Any) -> None:
        target = self.container.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content if isinstance(content, str) else json.dumps(content))

    def run(self, script: str, environment: dict[str, str], cwd: Path | None = None) -> None:
        """Run one of the driver's files."""
        subprocess.run(
            [sys.executable, self.container.path(f"/opt/ml/input/data/sm_drivers/{script}")],
            env={"PATH": os.defpath, "TRAINING_JOB_NAME": "job-1", **environment},
            cwd=cwd,
            check=True,
            capture_output=True,
        )

    def exported(self, environment: dict[str, str]) -> dict[str, str]:
        """The variables that the driver exports, as a shell reads them."""
        self.run("scripts/environment.py", environment)
        output = subprocess.run(
            ["/bin/sh", "-c", f". {self.container.path('/opt/ml/input/sm_training.env')}; env -0"],
            env={},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        pairs = (line.split("=", 1) for line in output.split("\0") if line)
        return {name: value for name, value in pairs if name.startswith("SM_")}


@pytest.fixture
def drivers(tmp_path: Path) -> Drivers:
    # Found without importing the SDK, which takes seconds.
    spec = importlib.util.find_spec("sagemaker.core") or importlib.util.find_spec("sagemaker")
    assert spec is not None
    assert spec.submodule_search_locations
    package = next(Path(place).parent for place in spec.submodule_search_locations)
    files = package / "train" / "container_drivers"
    container = Container.create(tmp_path / "container")
    drivers = Drivers(container)
    for file in files.rglob("*.py"):
        text = file.read_text().replace("/opt/ml", str(container.path("/opt/ml")))
        drivers.write(f"/opt/ml/input/data/sm_drivers/{file.relative_to(files)}", text)
    drivers.write("/opt/ml/input/config/hyperparameters.json", HYPERPARAMETERS)
    drivers.write("/opt/ml/input/config/inputdataconfig.json", INPUT_DATA_CONFIG)
    drivers.write("/opt/ml/input/config/resourceconfig.json", resource_config())
    return drivers


def ours(
    container: Container,
    source_code: dict[str, Any] | None = None,
    log_level: str | None = None,
    resources: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, str]:
    return sm_variables(
        container,
        job_name="job-1",
        hyperparameters=HYPERPARAMETERS,
        input_data_config=INPUT_DATA_CONFIG,
        resource_config=resources or resource_config(),
        source_code=source_code,
        cpus=multiprocessing.cpu_count(),
        gpus=0,
        log_level=log_level,
        **more,
    )


@pytest.mark.parametrize("log_level", [None, "10"])
@pytest.mark.parametrize(
    "source_code",
    [
        None,
        {"source_dir": "/here", "requirements": None, "entry_script": "train.py", "command": None},
        {"source_dir": "/here", "requirements": None, "entry_script": None, "command": "python x.py"},
    ],
)
def test_the_variables_are_the_drivers(
    drivers: Drivers, source_code: dict[str, Any] | None, log_level: str | None
) -> None:
    if source_code is not None:
        drivers.write("/opt/ml/input/data/sm_drivers/sourcecode.json", source_code)
    theirs = drivers.exported({} if log_level is None else {"SM_LOG_LEVEL": log_level})
    mine = ours(drivers.container, source_code, log_level)
    # A JSON object's keys have no order; everything else is compared as text.
    assert json.loads(mine.pop("SM_TRAINING_ENV")) == json.loads(theirs.pop("SM_TRAINING_ENV"))
    assert mine == theirs


@pytest.mark.parametrize(("count", "current", "rank"), [(2, 1, 0), (2, 2, 1), (11, 2, 3), (11, 10, 1)])
def test_the_variables_of_several_hosts_are_the_drivers(
    drivers: Drivers, count: int, current: int, rank: int
) -> None:
    resources = resource_config(count, current)
    drivers.write("/opt/ml/input/config/resourceconfig.json", resources)
    theirs = drivers.exported({})
    mine = ours(drivers.container, resources=resources)
    assert json.loads(mine.pop("SM_TRAINING_ENV")) == json.loads(theirs.pop("SM_TRAINING_ENV"))
    assert mine == theirs
    # The driver ranks the hosts by name, and algo-10 comes before algo-2.
    assert mine["SM_CURRENT_HOST_RANK"] == str(rank)


def test_the_place_where_hosts_meet_can_be_another() -> None:
    container = Container(Path("/job"))
    usual, here = ours(container), ours(container, master=("127.0.0.1", 20123))
    changed = {name for name in usual if usual[name] != here[name]}
    assert changed == {"SM_MASTER_ADDR", "SM_MASTER_PORT", "SM_TRAINING_ENV"}
    assert (here["SM_MASTER_ADDR"], here["SM_MASTER_PORT"]) == ("127.0.0.1", "20123")


def test_the_script_gets_the_arguments_that_the_driver_passes(drivers: Drivers, tmp_path: Path) -> None:
    code = drivers.container.path("/opt/ml/input/data/code")
    code.mkdir()
    (code / "train.py").write_text("import json, sys\njson.dump(sys.argv, open('argv.json', 'w'))\n")
    source_code = {"entry_script": "train.py"}
    variables = ours(drivers.container, source_code, None)
    drivers.run(
        "distributed_drivers/basic_script_driver.py",
        {"SM_ENTRY_SCRIPT": variables["SM_ENTRY_SCRIPT"], "SM_HPS": variables["SM_HPS"]},
        cwd=code,
    )
    theirs = json.loads((code / "argv.json").read_text())
    assert script_command(source_code, HYPERPARAMETERS, "python")[1:] == theirs
    assert theirs[:3] == ["train.py", "--candidate", "cnn-3x3"]


def test_a_shell_script_gets_the_arguments_that_the_driver_passes(drivers: Drivers) -> None:
    code = drivers.container.path("/opt/ml/input/data/code")
    code.mkdir()
    (code / "train.sh").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > arguments.txt\n')
    source_code = {"entry_script": "train.sh"}
    variables = ours(drivers.container, source_code, None)
    drivers.run(
        "distributed_drivers/basic_script_driver.py",
        {"SM_ENTRY_SCRIPT": "train.sh", "SM_HPS": variables["SM_HPS"]},
        cwd=code,
    )
    theirs = (code / "arguments.txt").read_text()
    subprocess.run(script_command(source_code, HYPERPARAMETERS, "python"), cwd=code, check=True)
    assert (code / "arguments.txt").read_text() == theirs


def test_the_cpus_are_the_jobs_share(tmp_path: Path) -> None:
    variables = sm_variables(
        Container(tmp_path),
        job_name="j",
        hyperparameters={},
        input_data_config={},
        resource_config=resource_config(),
        source_code=None,
        cpus=1,
        gpus=2,
    )
    assert (variables["SM_NUM_CPUS"], variables["SM_NUM_GPUS"]) == ("1", "2")
    assert json.loads(variables["SM_TRAINING_ENV"])["num_cpus"] == 1


def test_a_command_is_run_by_a_shell_with_its_arguments_quoted() -> None:
    source_code = {"command": "python3 -u x.py", "args": ["a b", "$HOME", 3], "entry_script": "ignored.py"}
    assert script_command(source_code, {"ignored": "1"}, "py") == [
        "/bin/sh",
        "-c",
        "python3 -u x.py 'a b' '$HOME' 3",
    ]


@pytest.mark.parametrize(
    "source_code", [{}, {"entry_script": "train.R"}, {"entry_script": None, "command": None}]
)
def test_source_code_without_a_script_that_can_run_is_refused(source_code: dict[str, Any]) -> None:
    with pytest.raises(
        StepFailed, match=r"a command or an entry_script \(\.py or \.sh\), and its entry_script is "
    ):
        script_command(source_code, {}, "python")


@pytest.mark.parametrize(
    "name", ["python", "python3", "python3.12", "/usr/bin/python3", "/usr/local/bin/python3.11"]
)
def test_python_in_a_request_is_this_python(name: str) -> None:
    command = local_command([name, "/opt/ml/x.py", "python3"], Container(Path("/job")), "/venv/bin/python")
    assert command == ["/venv/bin/python", "/job/opt/ml/x.py", "python3"]


def test_a_folder_of_the_request_that_holds_the_interpreter_does_not_move_it() -> None:
    container = Container(Path("/job"), ("/venv",))
    command = local_command(["python3", "/venv/x.py"], container, "/venv/bin/python")
    assert command == ["/venv/bin/python", "/job/venv/x.py"]


def test_other_programs_are_left_alone() -> None:
    assert local_command(["/bin/bash", "-c", "python3 x"], Container(Path("/job")), "py")[0] == "/bin/bash"
