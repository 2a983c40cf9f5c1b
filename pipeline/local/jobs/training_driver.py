"""What the SDK's training driver does in a container, natively: the SM_* variables and the script's command line.

In script mode the SDK sends its driver along as the channel `sm_drivers`; its shell script starts
`scripts/environment.py`, which exports the variables, and `distributed_drivers/basic_script_driver.py`, which turns
the hyperparameters into flags. The tests compare this module with those files. Two things differ on purpose:
SM_NUM_CPUS is the job's share, and several hosts, whose names nothing resolves here, are told this machine's
address as SM_MASTER_ADDR and the first of as many free ports as SM_MASTER_PORT.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.errors import StepFailed
from pipeline.local.jobs.container import Container
from pipeline.local.jobs.image import Image
from pipeline.spec.definition import Json
from pipeline.spec.json_text import parse_document

SCRIPT_CHANNEL = "sm_drivers"
CODE_FOLDER = "/opt/ml/input/data/code"
SOURCE_CODE_FILE = "/opt/ml/input/data/sm_drivers/sourcecode.json"
DISTRIBUTED_FILE = "/opt/ml/input/data/sm_drivers/distributed.json"
# Where the driver says that hosts meet, and at which port.
DEFAULT_MASTER = ("algo-1", 7777)
_PYTHON = re.compile(r"(?:/usr/(?:local/)?bin/)?python(?:3(?:\.\d+)?)?")


def sm_variables(
    container: Container,
    *,
    job_name: str,
    hyperparameters: Mapping[str, str],
    input_data_config: Mapping[str, Json],
    resource_config: Mapping[str, Json],
    source_code: Mapping[str, Json] | None,
    cpus: int,
    gpus: int,
    log_level: str | None = None,
    master: tuple[str, int] = DEFAULT_MASTER,
) -> dict[str, str]:
    """The SM_* variables of a training job, with the container's paths localized.

    `hyperparameters`, `input_data_config` and `resource_config` are what the files in /opt/ml/input/config hold,
    `source_code` what sourcecode.json does; None when the job has no script channel. `master`: the address and the
    port at which hosts meet; the driver's own are the default.
    """

    def at(path: str) -> str:
        return container.seen(path)

    channels = {name: at(f"/opt/ml/input/data/{name}") for name in input_data_config}
    values = {name: _parse(value) for name, value in hyperparameters.items()}
    hosts = sorted(resource_config["hosts"])
    host = resource_config["current_host"]
    common: dict[str, Any] = {
        "model_dir": at("/opt/ml/model"),
        "input_dir": at("/opt/ml/input"),
        "input_data_dir": at("/opt/ml/input/data"),
        "input_config_dir": at("/opt/ml/input/config"),
        "output_data_dir": at("/opt/ml/output/data"),
        # The environment's values are texts; the driver's own default is a number.
        "log_level": 20 if log_level is None else log_level,
        "master_addr": master[0],
        "master_port": master[1],
        "current_host": host,
        "current_instance_type": resource_config["current_instance_type"],
        "hosts": hosts,
        "network_interface_name": resource_config["network_interface_name"],
        "num_cpus": cpus,
        "num_gpus": gpus,
        "num_neurons": 0,
        "resource_config": resource_config,
    }
    variables: dict[str, Any] = {f"SM_{name.upper()}": value for name, value in common.items()}
    variables |= {
        "SM_OUTPUT_DIR": at("/opt/ml/output"),
        "SM_OUTPUT_FAILURE": at("/opt/ml/output/failure"),
        "SM_CHANNELS": list(channels),
        "SM_HPS": values,
        "SM_HOST_COUNT": len(hosts),
        "SM_CURRENT_HOST_RANK": hosts.index(host),
        "SM_INPUT_DATA_CONFIG": input_data_config,
    }
    if source_code:
        variables["SM_SOURCE_DIR"] = at(CODE_FOLDER)
        variables["SM_ENTRY_SCRIPT"] = source_code.get("entry_script", "")
    variables |= {f"SM_CHANNEL_{name.upper()}": path for name, path in channels.items()}
    variables |= {f"SM_HP_{name.replace('-', '_').upper()}": value for name, value in values.items()}
    variables["SM_TRAINING_ENV"] = common | {
        "channel_input_dirs": channels,
        "hyperparameters": values,
        "input_data_config": input_data_config,
        "job_name": job_name,
    }
    return {name: _text(value) for name, value in variables.items()}


def script_command(
    source_code: Mapping[str, Json], hyperparameters: Mapping[str, str], python: str
) -> list[str]:
    """The command that runs the entry script (or the command) of `source_code` in the code folder.

    Raises:
        StepFailed: the source code names neither, or a script of another kind.
    """
    command, script = source_code.get("command"), source_code.get("entry_script")
    if command:
        arguments = [shlex.quote(str(argument)) for argument in source_code.get("args") or ()]
        return ["/bin/sh", "-c", " ".join([*command.split(), *arguments])]
    flags = [word for name, value in hyperparameters.items() for word in (f"--{name}", _text(_parse(value)))]
    if script and script.endswith(".py"):
        return [python, script, *flags]
    if script and script.endswith(".sh"):
        return ["/bin/sh", "-c", f"chmod +x {script} && ./{script} {shlex.join(flags)}"]
    raise StepFailed(
        "Could not start a training script: sourcecode.json must name a command or an entry_script (.py or "
        f".sh), and its entry_script is {script!r}. Correct the trainer's SourceCode."
    )


def local_command(command: Sequence[str], container: Container, python: str) -> list[str]:
    """A request's ContainerEntrypoint and ContainerArguments as they run here: paths mapped, python3: `python`.

    In an image they mean what they say.
    """
    if container.of is not None:
        return [str(word) for word in command]
    program, *arguments = (str(word) for word in command)
    # `python` is a path of this machine: no LocalPath of the request means it.
    first = python if _PYTHON.fullmatch(program) else container.localize(program)
    return [first, *(container.localize(argument) for argument in arguments)]


def own_words(
    specification: Mapping[str, Json], image: Image | None, arguments: Sequence[str] = ()
) -> list[str]:
    """What a request says, or else its image, that runs; an image's entry point is given `arguments`, unless the
    request has some."""
    own = specification.get("ContainerArguments") or ()
    if entry_point := specification.get("ContainerEntrypoint"):
        return [*entry_point, *own]
    assert image is not None, "programs are checked before anything runs"
    return image.command(own or arguments)


def _parse(text: Json) -> Json:
    """A hyperparameter as the driver reads it: JSON where it is JSON, else the text."""
    if not isinstance(text, str):
        return text
    try:
        return parse_document(text)
    except ValueError:
        return text


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)
