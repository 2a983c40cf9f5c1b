"""What the sagemaker-training toolkit does in a framework's container, natively: script mode.

A training job is in script mode when its hyperparameters name `sagemaker_program`, as the estimators of the SDK 2
do. The SDK 3 sends a driver of its own instead (training_driver.py). The two differ in the order and form of flags,
in the names of variables and in where the code lies. Written after sagemaker-training 5.1.4, whose own results for
some hyperparameters the tests compare with.
"""

from __future__ import annotations

import enum
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.local.jobs.container import Container
from pipeline.spec.definition import Json

PROGRAM = "sagemaker_program"
SUBMIT_DIRECTORY = "sagemaker_submit_directory"
CODE_FOLDER = "/opt/ml/code"
_PREFIX = "sagemaker_"
# What the toolkit takes for itself; other names with the prefix are the framework's parameters.
_OWN = frozenset({
    PROGRAM, SUBMIT_DIRECTORY, "sagemaker_enable_cloudwatch_metrics", "sagemaker_region",
    "sagemaker_container_log_level", "sagemaker_job_name", "default_user_module_name", "_tuning_objective_metric",
    "sagemaker_s3_output",
})  # fmt: skip
_DEFAULT_LOG_LEVEL = 20
# Each starts the program otherwise: with mpirun, a parameter server, torchrun, ….
_DISTRIBUTION = re.compile(r"sagemaker_\w+_enabled|sagemaker_distribution_instance_groups|mp_parameters")


class EntryForm(enum.Enum):
    """How the toolkit starts a program, by its name and by what lies beside it."""

    COMMAND = "a command"
    PACKAGE = "a package"
    SCRIPT = "a Python script"


def in_script_mode(hyperparameters: Mapping[str, Json] | None) -> bool:
    """Whether a training job's hyperparameters ask for script mode."""
    return bool((hyperparameters or {}).get(PROGRAM))


def distributed_settings(hyperparameters: Mapping[str, Json]) -> list[str]:
    """The names of those hyperparameters that ask for a distributed start, which is not made here."""
    parsed = parse_hyperparameters(hyperparameters)
    return [name for name, value in parsed.items() if _DISTRIBUTION.fullmatch(name) and value]


def parse_hyperparameters(hyperparameters: Mapping[str, Json]) -> dict[str, Json]:
    """The values as the toolkit reads them: what is JSON as that, the rest as the text it is."""
    return {name: _parse(value) for name, value in hyperparameters.items()}


def user_hyperparameters(parsed: Mapping[str, Json]) -> dict[str, Json]:
    """Those that the script gets: neither `sagemaker_…` nor what a tuning job adds."""
    return {name: value for name, value in parsed.items() if not _is_toolkits(name)}


def flags(values: Mapping[str, Json]) -> list[str]:
    """The command line made of the script's hyperparameters, in the order of their names.

    One letter makes `-a`, a boolean `True`, a list Python's own form, an object `x=1,y=2`, null an empty argument.
    """
    words: list[str] = []
    for name in sorted(values):
        value = values[name]
        dashes = "-" if len(name) == 1 else "--"
        if isinstance(value, Mapping):
            text = ",".join(f"{key}={item}" for key, item in sorted(value.items()))
        else:
            text = "" if value is None else str(value)
        words += [f"{dashes}{name}" if name else "", text]
    return words


def script_mode_variables(
    container: Container,
    *,
    job_name: str,
    hyperparameters: Mapping[str, Json],
    input_data_config: Mapping[str, Json],
    resource_config: Mapping[str, Json],
    cpus: int,
    gpus: int,
) -> dict[str, str]:
    """The SM_* variables that the toolkit sets, with the container's paths as `container` gives them.

    `hyperparameters` are parsed (see parse_hyperparameters). `input_data_config` and `resource_config` are what the
    files of the same names in /opt/ml/input/config hold.
    """

    def at(path: str) -> str:
        return container.seen(path)

    own = user_hyperparameters(hyperparameters)
    program = str(hyperparameters[PROGRAM])
    hosts = resource_config["hosts"]
    host = resource_config["current_host"]
    groups = resource_config["instance_groups"]
    group = resource_config["current_group_name"]
    by_name = {entry["instance_group_name"]: entry for entry in groups}
    common: dict[str, Any] = {
        "current_host": host,
        "current_instance_group": group,
        "current_instance_group_hosts": by_name[group]["hosts"],
        "current_instance_type": resource_config["current_instance_type"],
        "distribution_instance_groups": [],
        "framework_module": None,
        "hosts": hosts,
        "input_config_dir": at("/opt/ml/input/config"),
        "input_data_config": input_data_config,
        "input_dir": at("/opt/ml/input"),
        "instance_groups": list(by_name),
        "instance_groups_dict": by_name,
        "is_hetero": len(by_name) > 1,
        "log_level": hyperparameters.get("sagemaker_container_log_level", _DEFAULT_LOG_LEVEL),
        "model_dir": at("/opt/ml/model"),
        "module_dir": str(hyperparameters.get(SUBMIT_DIRECTORY, at(CODE_FOLDER))),
        "module_name": program.removesuffix(".py"),
        "network_interface_name": resource_config["network_interface_name"],
        "num_cpus": cpus,
        "num_gpus": gpus,
        "num_neurons": 0,
        "output_data_dir": at("/opt/ml/output/data"),
        "output_dir": at("/opt/ml/output"),
        "output_intermediate_dir": at("/opt/ml/output/intermediate"),
        "resource_config": resource_config,
        "user_entry_point": program,
    }
    framework = {
        name: value
        for name, value in hyperparameters.items()
        if name.startswith(_PREFIX) and name not in _OWN
    }
    channels = {name: at(f"/opt/ml/input/data/{name}") for name in input_data_config}
    variables = {f"SM_{name.upper()}": value for name, value in common.items()}
    variables |= {
        "SM_HPS": own,
        "SM_FRAMEWORK_PARAMS": framework,
        "SM_CHANNELS": sorted(channels),
        "SM_USER_ARGS": flags(own),
        "SM_TRAINING_ENV": common
        | {
            "additional_framework_parameters": framework,
            "channel_input_dirs": channels,
            "distribution_hosts": [],
            "hyperparameters": own,
            "is_master": host == sorted(hosts)[0],
            "is_modelparallel_enabled": None,
            "is_smddpmprun_installed": False,
            "is_smddprun_installed": False,
            "job_name": job_name,
            "master_hostname": sorted(hosts)[0],
            "topology": [],
        },
    }
    variables |= {f"SM_CHANNEL_{name.upper()}": path for name, path in channels.items()}
    # Dashes stay: a shell cannot read such a variable, os.environ can.
    variables |= {f"SM_HP_{name.upper()}": value for name, value in own.items()}
    return {name: _text(value) for name, value in variables.items()}


def entry_form(folder: Path, program: str) -> EntryForm:
    """How `program` in the code folder is started."""
    if program.endswith(".sh"):
        return EntryForm.COMMAND
    if (folder / "setup.py").exists():
        return EntryForm.PACKAGE
    return EntryForm.SCRIPT if program.endswith(".py") else EntryForm.COMMAND


def entry_command(form: EntryForm, program: str, arguments: Sequence[str], python: str) -> list[str]:
    """The command that runs `program` in the code folder. A command is one line for a shell."""
    if form is EntryForm.PACKAGE:
        return [python, "-m", program.replace(".py", ""), *arguments]
    if form is EntryForm.SCRIPT:
        return [python, program, *arguments]
    return ["/bin/sh", "-c", f"./{program} {shlex.join(arguments)}"]


def installs(form: EntryForm, folder: Path) -> list[str]:
    """What pip installs before the program starts, as arguments of `pip install`; empty for none."""
    requirements = ["-r", "requirements.txt"] if (folder / "requirements.txt").exists() else []
    if form is EntryForm.PACKAGE:
        return [".", *requirements]
    return requirements if form is EntryForm.SCRIPT else []


def _is_toolkits(name: str) -> bool:
    return name in _OWN or name.startswith(_PREFIX)


def _parse(value: Json) -> Json:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def distributed_text(names: list[str]) -> str:
    """Why a job with these hyperparameters is not run."""
    return (
        f"the local engine starts a script once on each host, not as {', '.join(names)} "
        f"ask{'s' * (len(names) == 1)}. Leave out `distribution` of the estimator."
    )
