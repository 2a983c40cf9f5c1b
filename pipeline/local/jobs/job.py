"""One job as it runs: what its request asks for, where it lives, and how its end becomes an outcome or a reason."""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pipeline.code_address import check_folder
from pipeline.errors import StepFailed
from pipeline.local.jobs.channels import download, s3_errors
from pipeline.local.jobs.environment import container_environment, job_environment
from pipeline.local.jobs.faults import fault_of_end
from pipeline.local.jobs.functions.handler import Function
from pipeline.local.jobs.hosts import Host, merge_folders
from pipeline.local.jobs.image import Image
from pipeline.local.jobs.interpreter import Interpreter
from pipeline.local.jobs.joblog import JobLog
from pipeline.local.jobs.kept_start import HostStart, KeptStart, keep_start, without
from pipeline.local.jobs.launchers.launcher import Launcher, ToStart
from pipeline.local.jobs.process import LIMIT_GRACE_SECONDS, STOP_GRACE_SECONDS, Ended
from pipeline.local.jobs.reaper import Reaper
from pipeline.local.jobs.reason import Failed, built_in_path_hint, has_built_in_path, is_mapped
from pipeline.local.jobs.runner import StepStopped
from pipeline.local.jobs.running import Launch, Work, decisive, run_hosts
from pipeline.local.jobs.stand_in import StandIn
from pipeline.local.state import clock
from pipeline.local.state.local_aws import LocalAws
from pipeline.spec.argument_rules import S3_PREFIX
from pipeline.spec.definition import Json

_DEFAULT_LIMIT_SECONDS = 86400


@dataclass(frozen=True)
class Graces:
    """Seconds from SIGTERM to SIGKILL, after the time limit and after a stop; and between checkpoint uploads."""

    limit: float = LIMIT_GRACE_SECONDS
    stop: float = STOP_GRACE_SECONDS
    checkpoints: float = 2.0


GRACES = Graces()


@dataclass(frozen=True)
class Start:
    """What a host runs, in which folder of its container; `variables` are added to its environment, in which the
    request's own win. `port`: where a server in an image is to be found on this machine."""

    command: Sequence[str]
    cwd: str
    variables: Mapping[str, str]
    port: int | None = None


@dataclass(frozen=True)
class Job:
    """A job's request (resolved, in the shape of CreateProcessingJob, …) and where it runs."""

    name: str
    request: Mapping[str, Json]
    hosts: tuple[Host, ...]
    log: JobLog
    stop: threading.Event
    aws: LocalAws
    reaper: Reaper
    graces: Graces
    launcher: Launcher
    # Where what it was started with is written down.
    folder: Path
    # What is added to the environment of its processes; see pip.py.
    variables: Mapping[str, str] = field(default_factory=dict)
    # What runs in the place of what the request says.
    stand_in: StandIn | None = None
    # None: the one that runs the engine.
    python: Interpreter | None = None
    # Of a step whose function the user names: what is called.
    function: Function | None = None

    @property
    def image(self) -> Image | None:
        """What its containers are made of; None: they are folders."""
        of = self.hosts[0].container.of
        return None if of is None else of.image

    def runs_in(self, uri: str) -> str:
        """What its program runs in or with, in words; `uri` is the image that the request names."""
        if self.image is None:
            return f"with {self.runs_with}; its image {uri} is not used"
        instead = "" if self.image.name == uri else f" in the place of {uri}"
        return f"in a container of {self.image.name}{instead}"

    @property
    def runs_with(self) -> str:
        """What its program runs with on this machine, in words."""
        python = (
            "this Python"
            if self.python is None
            else f"Python {self.python.version} ({self.python.executable})"
        )
        return (
            python
            if self.stand_in is None
            else f"{python}, `{shlex.join(self.stand_in.command)}` in its place"
        )

    def arn(self, kind: str) -> str:
        """The job's ARN; `kind` is "training-job", …."""
        return f"arn:aws:sagemaker:{self.aws.REGION}:{self.aws.ACCOUNT}:{kind}/{self.name}"

    def fetch(self, source: Mapping[str, Json], inside: str) -> None:
        """Copy the input that `source` (an S3Input or S3DataSource) names to the folder `inside` of every host: all
        of it, or with the distribution ShardedByS3Key a share of the objects."""
        uri = source["S3Uri"]
        sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
        for rank, host in enumerate(self.hosts):
            folder = host.container.path(inside)
            folder.mkdir(parents=True, exist_ok=True)
            size = download(
                self.aws,
                uri,
                folder,
                stop=self.stop,
                data_type=source.get("S3DataType") or S3_PREFIX,
                shard=(rank, len(self.hosts)) if sharded else (0, 1),
            )
            if not sharded:
                check_folder(uri, folder)
            host.log.say(f"{uri} → {inside} ({size / 1e6:.1f} MB{', its share' if sharded else ''})")

    def collect(self, inside: str) -> Path:
        """The folder `inside` with what all hosts left there, as the service merges it.

        The service asks that no two hosts write the same file; here the first one's stays, and the log says so.
        """
        first, *others = (host.container.path(inside) for host in self.hosts)
        with s3_errors(f"Collecting {inside} of the job's hosts"):
            for name in merge_folders(first, others):
                self.log.say(f"{inside}/{name} was written by more than one host: one of them is kept")
        return first

    def run(self, start: Callable[[Host], Start], message_file: str, work: Work | None = None) -> None:
        """Run the job's processes to their ends; `start` says what a host runs. With `work` they are servers, which
        are ended when it is done; see run_hosts.

        Raises:
            StepFailed: one did not end with status 0; the reason quotes `message_file` and the log's last lines.
            StepStopped: it was stopped.
            Exception: what `work` raises.
        """
        limit = (self.request.get("StoppingCondition") or {}).get(
            "MaxRuntimeInSeconds"
        ) or _DEFAULT_LIMIT_SECONDS
        if self.stop.is_set():
            raise StepStopped
        containers = [host.container for host in self.hosts]
        with s3_errors("Starting the job's process"), self.launcher.around(containers):
            starts = [start(host) for host in self.hosts]
            launches = [self._launch(host, each) for host, each in zip(self.hosts, starts, strict=True)]
            self._keep(starts, launches)
            ends = run_hosts(
                launches,
                stop=self.stop,
                reaper=self.reaper,
                time_limit=float(limit),
                limit_grace=self.graces.limit,
                stop_grace=self.graces.stop,
                work=work,
            )
        if ends is None:
            return
        place = decisive(ends)
        if place is None and work is None:
            return
        if place is None:
            raise StepFailed(
                "The server of the model ended by itself, with exit status 0. Let it serve until SIGTERM."
            )
        if self.stop.is_set() and any(ended.cause == "stopped" for ended in ends):
            raise StepStopped
        raise StepFailed(
            self._reason(place, starts[place], launches[place], ends[place], message_file),
            fault=fault_of_end(ends[place]),
        )

    def check_empty(self, inside: str) -> None:
        """Look whether the folder `inside` is empty because the job wrote elsewhere.

        Raises:
            StepFailed: it is, and the log says that a path below /opt/ml could not be used.
        """
        if any(path.is_file() for host in self.hosts for path in host.container.path(inside).rglob("*")):
            return
        for host in self.hosts:
            if is_mapped(host) and has_built_in_path(host.log.tail, refused=True):
                tail = "\n".join(f"  {line}" for line in host.log.tail)
                raise StepFailed(
                    f"The job ended well and left {inside} empty. {built_in_path_hint(['its program'])}\n"
                    f"Last lines of its log ({self.log.path}):\n{tail}"
                )

    def _keep(self, starts: Sequence[Start], launches: Sequence[Launch]) -> None:
        """Write down what the hosts run, without what leads to this run's S3 and to the user's package indexes."""
        secret = {**self.variables, **self._aws_environment}
        kept = [
            HostStart(
                launch.host.name,
                str(launch.host.container.root),
                launch.host.container.mounts,
                start.command,
                start.cwd,
                without(launch.environment, secret),
                None if self.image is None else self.image.name,
                launch.host.cores,
            )
            for start, launch in zip(starts, launches, strict=True)
        ]
        keep_start(self.folder, KeptStart(self.name, self.launcher.name, tuple(kept)))

    def _launch(self, host: Host, start: Start) -> Launch:
        own = {name: str(value) for name, value in (self.request.get("Environment") or {}).items()}
        layers = (self.variables, start.variables, host.container.localize(own), self._aws_environment)
        if self.image is not None:
            environment = container_environment(host.cores, *layers)
        else:
            environment = job_environment(
                os.environ,
                host.container,
                host.cores,
                # One host sees what the user lets it see.
                {"CUDA_VISIBLE_DEVICES": ",".join(host.gpus)} if len(self.hosts) > 1 else {},
                *layers,
                programs=None if self.python is None else self.python.executable.parent,
            )
        asked = ToStart(host.container, start.command, start.cwd, environment, port=start.port)
        return Launch(host, self.launcher.program(asked), environment)

    @property
    def _aws_environment(self) -> dict[str, str]:
        return self.aws.job_environment(in_container=self.image is not None)

    def _reason(self, place: int, start: Start, launch: Launch, ended: Ended, message_file: str) -> str:
        host = self.hosts[place]
        sections = ("AlgorithmSpecification", "AppSpecification", "PrimaryContainer")
        specification: Mapping[str, Json] = next(filter(None, map(self.request.get, sections)), {})
        names = ("TrainingImage", "ImageUri", "Image")
        return Failed(
            host=host,
            ended=ended,
            command=start.command,
            environment=launch.environment,
            image=str(next(filter(None, map(specification.get, names)), None)),
            stand_in=self.stand_in is not None,
            message=self.aws.credentials.masked(host.message(message_file)),
            several=len(self.hosts) > 1,
            log=self.log.path,
        ).text()


@dataclass(frozen=True)
class JobKind:
    """What differs between the types of jobs: of its request, the folders outside /opt/ml and the number of hosts;
    and how it is run, which returns its Describe response."""

    mounts: Callable[[Mapping[str, Json]], tuple[str, ...]]
    instances: Callable[[Mapping[str, Json]], int]
    run: Callable[[Job], dict[str, Json]]


def now_text() -> str:
    """This moment as the service writes times in JSON."""
    return time_text(clock.now())


def time_text(moment: float) -> str:
    """A moment in seconds since the epoch as the service writes times in JSON."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
