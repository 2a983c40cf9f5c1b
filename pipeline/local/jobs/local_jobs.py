"""Runs the jobs of one execution, a folder, a log and a process each, and its steps that only call a service."""

from __future__ import annotations

import json
import os
import pkgutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from pipeline.errors import FashionError, StepFailed
from pipeline.local.jobs.arithmetic import arithmetic
from pipeline.local.jobs.channels import read_json, s3_errors
from pipeline.local.jobs.core_pool import CorePool
from pipeline.local.jobs.functions.handler import Function
from pipeline.local.jobs.hosts import make_hosts
from pipeline.local.jobs.image import Image
from pipeline.local.jobs.input_contents import keep_contents
from pipeline.local.jobs.interpreter import Interpreter
from pipeline.local.jobs.job import GRACES, Graces, Job, JobKind
from pipeline.local.jobs.joblog import JobLog
from pipeline.local.jobs.launchers.launcher import Launcher, launcher_for
from pipeline.local.jobs.output_buckets import output_buckets
from pipeline.local.jobs.pip import index_variables, pip_variables
from pipeline.local.jobs.processing_job import output_uri
from pipeline.local.jobs.programs import (
    ALL_OWN,
    Programs,
    has_own_program,
    image_of,
    jobs_of,
    missing_text,
    model_problem,
)
from pipeline.local.jobs.reaper import Reaper
from pipeline.local.jobs.runner import JobCall, JobOutcome, StepStopped
from pipeline.local.jobs.service_call import ServiceCall
from pipeline.local.jobs.transform.models import FindModel, no_models
from pipeline.local.jobs.used_folders import UsedFolders
from pipeline.local.state.cache import local_image
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.removing import remove_tree
from pipeline.local.state.state_dir import Home
from pipeline.shown import listing
from pipeline.spec.definition import Json, PropertyFile, Step
from pipeline.spec.diagnostics import Findings
from pipeline.spec.json_text import note_odd_texts
from pipeline.spec.request_schema import check_request
from pipeline.spec.step_types import STEP_TYPES


def step_folder(home: Home, execution_id: str, step: str) -> Path:
    """Where a step of an execution keeps its request and, while it runs or after it failed, its container."""
    return home.execution(execution_id) / "steps" / quote(step, safe="")


def runner_of(step_type: str) -> JobKind | Callable[[ServiceCall], dict[str, Json]]:
    """Who runs steps of this type, as its entry in the table of step types names them."""
    runner: JobKind | Callable[[ServiceCall], dict[str, Json]] = pkgutil.resolve_name(
        STEP_TYPES[step_type].runner
    )
    return runner


# Names no exception type that a retry policy could have: waiting does not bring the server back.
SERVER_DIED = "the local S3 has died"


class LocalJobs:
    """The JobRunner of the local target, for one execution."""

    def __init__(
        self,
        home: Home,
        aws: LocalAws,
        execution_id: str,
        reaper: Reaper,
        graces: Graces = GRACES,
        execution_arn: str = "",
        *,
        launcher: Launcher,
        reached_at: Path | None = None,
        programs: Programs = ALL_OWN,
        python: Interpreter | None = None,
        functions: Mapping[str, Function] = MappingProxyType({}),
        find_model: FindModel = no_models,
        cores: CorePool | None = None,
        used: UsedFolders | None = None,
    ) -> None:
        """`programs`: what jobs run in the place of images; `python`: with which Python (None: this);
        `functions`: what Lambda and Callback steps call, by the step's json_path; `find_model`: finds the model of
        a Transform step; `cores`: what jobs of other executions take of, too; `used`: takes the folders of jobs
        that ended well, for others.

        `reached_at`: another path of the state folder, by which jobs are to find it; see plain_path.py.
        """
        self._home = home
        self._reached_at = reached_at or home.root
        self._aws = aws
        self._execution_id = execution_id
        self._reaper = reaper
        self._graces = graces
        self._execution_arn = execution_arn
        self._launcher = launcher
        self._programs = programs
        self._python = python
        self._find_model = find_model
        self._cores = cores
        self._used = used
        self._functions = {
            place: replace(function, execution_arn=execution_arn) for place, function in functions.items()
        }

    def image(self, step: Step, arguments: Mapping[str, Json]) -> str:
        """What stands for the image of a step's job, in the key of the step cache.

        Raises:
            StepFailed: a file of its stand-in cannot be read.
        """
        python = local_image() if self._python is None else self._python.image
        image = "\n".join([python, *arithmetic()])
        if function := self._functions.get(step.json_path):
            with s3_errors(f"Reading {function.handler.file}"):
                return f"{image}\n{function.identity()}"
        own = replace(step, arguments=self._with_model(step, arguments))
        # A Tuning step's result is that of its trials.
        jobs = jobs_of(own) if step.type == "Tuning" else [own]
        images = [each for job in jobs if (each := self._image_of(job, job.arguments)) is not None]
        if images:
            return "\n".join(["container", *(each.id for each in images), *arithmetic()])
        found = [self._programs.stand_in(job, job.arguments) for job in jobs]
        with s3_errors("Reading the files of --stand-in"):
            return "\n".join([image, *(each.identity() for each in found if each is not None)])

    def keep_inputs(self, step: Step, arguments: Mapping[str, Json]) -> None:
        """Write down what the inputs of a step that runs, or is reused, hold now."""
        folder = step_folder(self._home, self._execution_id, step.name)
        with s3_errors(f"Writing down the inputs of {step.name}"):
            keep_contents(folder, step.type, arguments, self._aws.stored_objects)

    def _image_of(self, step: Step, arguments: Mapping[str, Json]) -> Image | None:
        """What the step's job runs in; None: no image."""
        launcher = launcher_for(self._launcher, step.type)
        return launcher.image(self._programs.name_of(step), image_of(step.type, arguments))

    def __call__(self, call: JobCall) -> JobOutcome:
        """Run the step's job, whose container is kept only if it failed, or its call."""
        try:
            return self._run(call)
        except FashionError as error:
            death = self._aws.death
            if death is None:
                raise
            reason = str(error) if death in str(error) else f"{error}\n{death}"
            raise StepFailed(reason, fault=SERVER_DIED) from error

    def _run(self, call: JobCall) -> JobOutcome:
        step, arguments = call.step, call.arguments
        check_arguments(step, arguments)
        request = self._with_model(step, arguments)
        stand_in = self._programs.stand_in(step, request)
        launcher, image = launcher_for(self._launcher, step.type), self._image_of(step, request)
        if stand_in is None and image is None and not has_own_program(step.type, request):
            raise StepFailed(missing_text(step.name, request, step.type))
        folder = step_folder(self._home, self._execution_id, step.name)
        log_path = self._home.step_log(self._execution_id, step.name)
        with s3_errors(f"Making the folder of the job {call.name}"):
            folder.mkdir(parents=True, exist_ok=True)
            log_path.parent.mkdir(parents=True, exist_ok=True)
            again = (folder / "request.json").exists()
            (folder / "request.json").write_text(json.dumps(arguments, indent=2) + "\n", encoding="utf-8")
            job_log = JobLog(log_path, call.log, self._aws.credentials.secret_key)
        runner = runner_of(step.type)
        if not isinstance(runner, JobKind):
            with job_log:
                service_call = ServiceCall(
                    call.name,
                    arguments,
                    self._execution_arn,
                    again,
                    self._aws,
                    job_log,
                    step.members,
                    call.upstream,
                )
                return JobOutcome(runner(service_call))
        for bucket in output_buckets(step.type, arguments) - {self._aws.BUCKET}:
            self._aws.ensure_bucket(bucket)
        # A job that has a view of its own does not see the path.
        seen = self._home.root if launcher.seen_at is not None else self._reached_at
        root = seen / folder.relative_to(self._home.root) / "container"
        with job_log, self._share(call, job_log):
            with s3_errors(f"Making the folder of the job {call.name}"):
                hosts = make_hosts(
                    root,
                    runner.mounts(arguments),
                    count=runner.instances(arguments),
                    cores=call.cores,
                    log=job_log,
                    user=os.environ,
                    seen_at=launcher.seen_at,
                    python=self._python,
                    image=image,
                    network=launcher.network(root),
                    # A job without a view of its own has in its files where its folder lies.
                    used=None if launcher.seen_at is None else self._used,
                )
            job = Job(
                name=call.name,
                request=request,
                hosts=hosts,
                log=job_log,
                stop=call.stop,
                aws=self._aws,
                reaper=self._reaper,
                graces=self._graces,
                launcher=launcher,
                folder=folder,
                variables=pip_variables(os.environ, seen / self._home.downloads.name)
                if image is None
                else index_variables(os.environ),
                stand_in=stand_in,
                python=self._python,
                function=self._functions.get(step.json_path),
            )
            try:
                properties = runner.run(job)
            except StepFailed as error:
                raise StepFailed(f"{error}\nIts folder is kept: {folder / 'container'}") from error
            except StepStopped:
                # What matters of it, its checkpoints, is in S3.
                (remove_tree if self._used is None else self._used.put_aside)(root)
                raise
        (remove_tree if self._used is None else self._used.put)(root)
        return JobOutcome(properties)

    def _share(self, call: JobCall, log: JobLog) -> AbstractContextManager[None]:
        """Have the job's cores for itself, of those that it shares with the jobs of other executions."""
        if self._cores is None or STEP_TYPES[call.step.type].runs == "function":
            return nullcontext()
        return self._cores.taken(call.cores, call.stop, log.say)

    def _with_model(self, step: Step, arguments: Mapping[str, Json]) -> Mapping[str, Json]:
        """The request; that of a Transform step with the container of its model, as CreateModel calls it.

        Raises:
            StepFailed: there is no such model, and no stand-in for the step.
        """
        if step.type != "Transform":
            return arguments
        models = self._find_model(arguments["ModelName"])
        problem = model_problem(step.name, arguments["ModelName"], models)
        if problem is not None and not self._programs.names_step(step):
            raise StepFailed(f"Looking for the model of {step.name}: {problem}")
        return {**arguments, "PrimaryContainer": (models or [{}])[0]}

    def read_property_file(
        self, step: Step, property_file: PropertyFile, properties: Mapping[str, Json]
    ) -> Json:
        """Read the file from S3, where the step's job left it."""
        uri = output_uri(properties, property_file.output_name).rstrip("/")
        return self.read_document(f"{uri}/{property_file.path}")

    def read_document(self, uri: str) -> Json:
        """Read the JSON document from S3."""
        return read_json(self._aws, uri)


def check_arguments(step: Step, arguments: Mapping[str, Json]) -> None:
    """What was checked of the definition before anything ran, for the values that other steps have decided since.

    Raises:
        StepFailed: the request is malformed, or asks for what the local engine does not support.
    """
    findings = Findings()
    path = step.argument_path()
    check_request(step.type, arguments, path, findings)
    note_odd_texts(arguments, path, findings)
    if findings.local:
        raise StepFailed(
            f"Now that the values of step {step.name} are known, the local engine cannot execute its "
            f"request:\n{listing(findings.local)}\nCorrect the definition, or what the steps before it pass "
            "on."
        )
