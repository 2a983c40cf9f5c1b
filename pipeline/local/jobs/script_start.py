"""Starts a training job in script mode: its code from S3, its packages, its program (see script_mode.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.code_address import check_code, code_folder
from pipeline.errors import StepFailed
from pipeline.local.jobs.archive import unpack
from pipeline.local.jobs.channels import s3_errors
from pipeline.local.jobs.hosts import Host
from pipeline.local.jobs.job import Job, Start
from pipeline.local.jobs.pip import after_installing
from pipeline.local.jobs.script_mode import (
    CODE_FOLDER,
    PROGRAM,
    SUBMIT_DIRECTORY,
    EntryForm,
    distributed_settings,
    distributed_text,
    entry_command,
    entry_form,
    flags,
    installs,
    parse_hyperparameters,
    script_mode_variables,
    user_hyperparameters,
)
from pipeline.local.state.removing import remove_tree

_ARCHIVES = "/tmp/sagemaker-submit"


def fetch_code(job: Job) -> None:
    """Unpack the archive that sagemaker_submit_directory names to /opt/ml/code of every host.

    Raises:
        StepFailed: there is no such archive, or not one; or a distributed start is asked for.
    """
    hyperparameters = parse_hyperparameters(job.request["HyperParameters"])
    if names := distributed_settings(hyperparameters):
        raise StepFailed(distributed_text(names))
    uri = str(hyperparameters.get(SUBMIT_DIRECTORY) or "")
    if not uri.startswith("s3://"):
        raise StepFailed(
            f"Fetching the job's code: {SUBMIT_DIRECTORY} must be the s3:// address of a .tar.gz (got {uri!r}). "
            "Correct it in the definition."
        )
    job.fetch({"S3Uri": uri}, _ARCHIVES)
    for host in job.hosts:
        code, archives = host.container.path(CODE_FOLDER), host.container.path(_ARCHIVES)
        files = [path for path in archives.rglob("*") if path.is_file()]
        if len(files) != 1:
            raise StepFailed(
                f"Fetching the job's code: {SUBMIT_DIRECTORY} must name one .tar.gz, and {len(files)} objects lie "
                f"at {uri}. Correct it in the definition."
            )
        if (address := code_folder(uri)) is not None:
            check_code(address, [(files[0].name, files[0].read_bytes())])
        with s3_errors(f"Unpacking {uri}"):
            code.mkdir(parents=True, exist_ok=True)
            # As the toolkit does: code that a channel has put there stays.
            if not any(code.iterdir()):
                unpack(files[0], code, uri)
        remove_tree(archives)


def start_script(
    job: Job,
    host: Host,
    hyperparameters: Mapping[str, str],
    configuration: Mapping[str, Any],
    failure_file: str,
) -> Start:
    """What `host` runs. `hyperparameters` are mapped; `configuration` has input_data_config and resource_config.

    Raises:
        StepFailed: the program is not in the code.
    """
    container = host.container
    parsed = parse_hyperparameters(hyperparameters)
    program = str(parsed[PROGRAM])
    code = container.path(CODE_FOLDER)
    form = entry_form(code, program)
    place = code / program
    # A package's program is a module of it, or what it installs.
    if form is not EntryForm.PACKAGE and not place.is_file():
        there = ", ".join(sorted(path.name for path in code.iterdir())) or "nothing"
        raise StepFailed(
            f"Starting the job's script: there is no {program} in the code that {SUBMIT_DIRECTORY} names, which "
            f"holds {there}. Correct {PROGRAM}, or pack the archive anew: the files lie at its top."
        )
    if form is EntryForm.COMMAND:
        with s3_errors(f"Making {program} executable"):
            place.chmod(0o755)
    own = user_hyperparameters(parsed)
    variables = script_mode_variables(
        container,
        job_name=job.name,
        hyperparameters=parsed,
        cpus=host.cores,
        gpus=len(host.gpus),
        **configuration,
    )
    command = after_installing(
        installs(form, code),
        entry_command(form, program, flags(own), host.python),
        host.python,
        container,
        failure_file,
    )
    return Start(command, CODE_FOLDER, variables | {"PYTHONPATH": container.seen(CODE_FOLDER)})
