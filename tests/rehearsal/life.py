"""The life of the stack, act by act: deploy, run, approve, serve, roll back, remove; and what was asked in it.

Commands are the real ones. Whoever plays a role has every request decided by the policies of the stack (gate.py);
what SageMaker itself asks is decided afterwards, out of what it was told (agent.py).
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from botocore.exceptions import ClientError
from PIL import Image

from infra.aws import Aws
from infra.cli import main as infra_main
from infra.resolving import ACCOUNT, ResolvedStack
from pipeline.local.state.clients import LoopbackSession
from pipeline.local.state.local_aws import LocalAws
from pipeline.targets.aws.iam_evaluator import Request
from tests.e2e.command import Command, Finished
from tests.rehearsal import agent
from tests.rehearsal.asking import ADMINISTRATOR, BUCKET, ROLE, Ask
from tests.rehearsal.events import event_asks
from tests.rehearsal.gate import Gate
from tests.rehearsal.judge import Judge, as_resolved, translated
from tests.rehearsal.region import Region
from tests.scaling import of_endpoint

HERE = LocalAws.ACCOUNT
PATIENCE = 900.0  # seconds for a command, of which the longest takes twenty on an idle machine
PROJECT = "fashion-mnist"
DEPLOYER, FUNCTION = "DeployerRole", "DeployFunctionRole"
ON = ("--target", "sagemaker")
QUICK = ("--candidates", "baseline", *(
    word for each in ("Epochs=1", "MinAccuracy=0.1", "BatchSize=64") for word in ("--param", each)
))  # fmt: skip
CHOSEN = {
    "DeployApproved": "true",
    "UndeployRejected": "true",
    "EndpointInstanceType": "ml.m5.large",
    "EndpointMaxInstances": "3",
    "UploadFolder": "incoming",
    "Schedule": "rate(7 days)",
    "NotificationEmail": "somebody@example.com",
}
ALARM = f"{PROJECT}-endpoint-5xx"
# Folders of others whose names begin as one of the project's does.
DECOYS = (f"{PROJECT}/raw/incoming/READY", f"{PROJECT}/raw/incoming2/READY")
THEIRS = f"{PROJECT}-prod"


class RehearsalFailed(Exception):
    """Something in the life did not go as it must; the message says what."""


@dataclass
class Played:
    """What was asked, what was found wrong, and what else is known of the life."""

    asks: list[Ask] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    definition: dict[str, Any] = field(default_factory=dict)
    acts: list[str] = field(default_factory=list)

    def keys_of(self, uri: str) -> list[str]:
        """The objects of the project's bucket whose keys begin as the URI says."""
        prefix = uri.removeprefix("s3://").partition("/")[2]
        return [key for key in self.keys if key.startswith(prefix)]


class Life:
    """Plays the acts, in the order of their methods here. `say` is told how each goes."""

    def __init__(self, folder: Path, data: Path, say: Callable[[str], None] = lambda line: None) -> None:
        self.region = Region(folder)
        self.played = Played()
        self._home, self._data, self._say, self._folder = folder / "home", data, say, folder
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self.region)
        server = self.region.server
        self.front = self._open.enter_context(Gate(server.url, HERE, self._tags, self.region.hosting.invoke))
        self.jobs = self._open.enter_context(
            Gate(server.opened.aws.endpoint_url, HERE, self._tags, who_asks=self._role_of_running_job)
        )
        credentials = server.opened.aws.credentials
        self._session = LoopbackSession(self.front.url, credentials)
        self._environment = {**self.region.environment, "AWS_ENDPOINT_URL": self.front.url}
        server.opened.aws.asked_by_jobs = self.jobs.url
        self.region.formation.on_change = self._changed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def play(self) -> Played:
        """The whole life. Raises RehearsalFailed at the first act that does not go as it must."""
        self.deploy()
        self.hand_on_events()
        self.run()
        self.go_back_to_a_version()
        self.refuse_what_roles_never_may()
        self.approve()
        self.promote()
        self.invoke()
        self.roll_back()
        self.test_and_go_back()
        self.leave_others_alone()
        self.destroy()
        return self.played

    def deploy(self) -> None:
        with self._act("Deploying the stack", ADMINISTRATOR):
            self.region.client("logs").create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
            words = [word for name, value in CHOSEN.items() for word in ("--param", f"{name}={value}")]
            said = self._infra(0, "deploy", "--yes", *words)
            self._check("Log groups that are there already stay as they are" in said, said)
            self.region.client("s3").put_object(Bucket=self.bucket, Key=DECOYS[0], Body=b"")
            self.region.client("s3").put_object(Bucket=self.bucket, Key=DECOYS[1], Body=b"")

    def hand_on_events(self) -> None:
        with self._act("Events", ""):
            self._decide(event_asks(self.stack))

    def run(self) -> None:
        with self._act("Running the pipeline", DEPLOYER):
            command: tuple[str | Path, ...] = ("run", *ON, "--data", self._data, "--any-data", *QUICK)
            approved = self._pipeline(*command, "--param", "ModelApprovalStatus=Approved")
            self._check(approved.status == 2 and "No job approves models" in approved.err, approved.said)
            done = self._pipeline(*command)
            self._check(done.status == 0, done.said)
            self._check("roles may do what this run asks of them" in done.err, done.err)
            self._know_keys()
            self._decide(self._jobs_asks())

    def go_back_to_a_version(self) -> None:
        with self._act("Versions of the pipeline", DEPLOYER):
            now = self.region.server.client("sagemaker").describe_pipeline(PipelineName=PROJECT)
            other = json.loads(now["PipelineDefinition"])
            (epochs,) = (each for each in other["Parameters"] if each["Name"] == "Epochs")
            epochs["DefaultValue"] += 1
            self.region.server.client("sagemaker").update_pipeline(
                PipelineName=PROJECT, PipelineDefinition=json.dumps(other), RoleArn=now["RoleArn"]
            )
            done = self._pipeline("versions", "alias", "1", "--as", "released")
            self._check(done.status == 0 and "released is version 1" in done.out, done.said)
            done = self._pipeline("versions", "rollback", "released")
            self._check(done.status == 0 and "1 is the newest again" in done.out, done.said)
            done = self._pipeline("versions", "--json")
            self._check(done.status == 0, done.said)
            listed = [(each["number"], each["aliases"]) for each in json.loads(done.out)]
            self._check(listed == [(3, []), (2, []), (1, ["released"])], done.out)

    def refuse_what_roles_never_may(self) -> None:
        with self._act("What no role may", DEPLOYER):
            package = f"arn:aws:sagemaker:{LocalAws.REGION}:{HERE}:model-package/{PROJECT}/1"
            client = self._session.client("sagemaker")
            approve = client.update_model_package
            self._must_be_refused(approve, ModelPackageArn=package, ModelApprovalStatus="Approved")
            place = {"Bucket": self.bucket, "Key": f"{PROJECT}/code/x"}
            put = self._session.client("s3").put_object
            self._must_be_refused(put, **place, ServerSideEncryption="aws:kms")
            self._must_be_refused(put, **place, ServerSideEncryption="AES256")

    def approve(self) -> None:
        with self._act("Approving the model", ADMINISTRATOR):
            done = self._pipeline("registry", "approve", "1", *ON)
            self._check(done.status == 0, done.said)
        with self._act("The function deploys it", FUNCTION):
            # AWS does not document that Lambda names the function then.
            role = f"{ROLE}/{FUNCTION}"
            taking = Request("sts:AssumeRole", role, {"aws:SourceAccount": ACCOUNT})
            self._decide(iter([Ask(self.front.act, "lambda.amazonaws.com", taking)]))
            said = self._function()
            self._check(said == f"The endpoint {PROJECT} has {PROJECT}-approved-1-ml-m5-large.", said)
            self._scales(1, 3, 1000)
            self._decide(self._endpoint_asks(1))

    def promote(self) -> None:
        with self._act("Promoting it", DEPLOYER):
            package = f"{self._packages}/1"
            cycle = {"Stage": "Staging", "StageStatus": "Approved"}
            change = self._session.client("sagemaker").update_model_package
            self._must_be_refused(change, ModelPackageArn=package, ModelLifeCycle=cycle)
            self.front.who = ADMINISTRATOR
            done = self._pipeline("registry", "promote", "1", "--to", "staging", *ON)
            self._check(done.status == 0 and "Stage       staging, Approved" in done.out, done.said)

    def invoke(self) -> None:
        with self._act("Asking the endpoint", DEPLOYER):
            picture = self._folder / "picture.png"
            Image.fromarray(np.zeros((28, 28), np.uint8)).save(picture)
            self.region.hosting.come_up(1)
            done = self._pipeline("invoke", picture, "--json")
            self._check(done.status == 0 and len(json.loads(done.out)["predictions"]) == 1, done.said)

    def roll_back(self) -> None:
        with self._act("A second version, which goes back", ADMINISTRATOR):
            self._register_another()
            self.front.who = DEPLOYER
            self.region.hosting.going_off = ALARM
            before = self._served()
            done = self._pipeline("deploy", "--yes")
            self._check(done.status == 1 and "SageMaker went back to" in done.err, done.said)
            self._check(self._served() == before, done.said)
            self._scales(1, 3, 1000)
            done = self._pipeline("deploy", "--yes", "--max-instances", "4", "--requests", "300")
            self._check(done.status == 0 and "serves version 2" in done.out, done.said)
            self._scales(1, 4, 300)

    def test_and_go_back(self) -> None:
        with self._act("What was promoted is tested, and goes back", DEPLOYER):
            before = self._served()
            words = (
                "deploy",
                "--stage",
                "staging",
                "--smoke",
                "--data",
                self._data,
                "--yes",
                "--max-latency",
                "60000",
            )
            done = self._pipeline(*words, "--min-accuracy", "0.999")
            self._check(done.status == 1 and "did not pass the smoke test" in done.err, done.said)
            self._check(self._served() == before and "is in service again" in done.err, done.said)
            self._scales(1, 4, 300)
            done = self._pipeline(*words, "--min-accuracy", "0.3")
            self._check(done.status == 0 and "serves version 1" in done.out, done.said)

    def leave_others_alone(self) -> None:
        with self._act("What belongs to others", DEPLOYER):
            hosting, name = self.region.hosting, self.region.hosting.endpoints[PROJECT]["EndpointConfigName"]
            arn = f"arn:aws:sagemaker:{LocalAws.REGION}:{HERE}:endpoint/{THEIRS}"
            hosting.endpoints[THEIRS] = {
                **hosting.endpoints[PROJECT],
                "EndpointName": THEIRS,
                "EndpointArn": arn,
            }
            hosting.tags[arn] = {"Project": THEIRS}
            client = self._session.client("sagemaker")
            scaling = self._session.client("application-autoscaling")
            self.region.scaling.has(THEIRS, 1, 2, tag=THEIRS)
            variant = {
                "ServiceNamespace": "sagemaker",
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                "ResourceId": of_endpoint(THEIRS),
            }
            for who in (DEPLOYER, FUNCTION):
                self.front.who = who
                self._must_be_refused(client.delete_endpoint, EndpointName=THEIRS)
                self._must_be_refused(client.update_endpoint, EndpointName=THEIRS, EndpointConfigName=name)
                self._must_be_refused(scaling.deregister_scalable_target, **variant)
                similar = f"{PROJECT}ic"
                self._must_be_refused(client.create_endpoint, EndpointName=similar, EndpointConfigName=name)

    def destroy(self) -> None:
        with self._act("Removing the stack", ADMINISTRATOR):
            said = self._infra(1, "destroy", "--yes")
            self._check("--delete-data" in said, said)
            said = self._infra(0, "destroy", "--delete-data", "--yes")
            self._check(sorted(self.region.hosting.endpoints) == [THEIRS], said)
            self._check(list(self.region.scaling.targets) == [of_endpoint(THEIRS)], said)
            groups = self.region.client("logs").describe_log_groups()["logGroups"]
            names = [each["logGroupName"] for each in groups]
            self._check("/aws/sagemaker/TrainingJobs" in names, f"everybody's logs are gone: {names}")
            self._check(self.region.client("s3").list_buckets()["Buckets"] == [] or "stays" not in said, said)

    @property
    def stack(self) -> ResolvedStack:
        """The stack as it is deployed."""
        assert self.region.formation.stack is not None
        return self.region.formation.stack

    @property
    def bucket(self) -> str:
        """The project's bucket."""
        return translated(BUCKET.rpartition(":")[2], HERE)

    @contextmanager
    def _act(self, name: str, who: str) -> Iterator[None]:
        self.front.act = self.jobs.act = name
        self.front.who = who
        self.front.refused.clear()
        self.jobs.refused.clear()
        yield
        self.played.asks += [*self.front.asked, *self.jobs.asked]
        self.front.asked.clear()
        self.jobs.asked.clear()
        self.played.acts.append(name)
        self._say(f"✓ {name}")

    def _check(self, holds: bool, said: str) -> None:
        refused = [*self.front.refused, *self.jobs.refused]
        if not holds:
            raise RehearsalFailed("\n".join([*refused, f"{self.front.act} did not go as it must:", said]))

    def _decide(self, asks: Iterator[Ask]) -> None:
        judge = Judge(self.stack)
        for ask in asks:
            self.played.asks.append(ask)
            if (complaint := judge.complaint(ask)) is not None:
                raise RehearsalFailed(complaint)

    def _must_be_refused(self, call: Callable[..., object], **arguments: Any) -> None:
        before = len(self.front.asked)
        try:
            call(**arguments)
        except ClientError as error:
            self._check("AccessDenied" in error.response["Error"]["Code"], str(error))
            # What was asked before the refusal was allowed, and only the refusal must stay one.
            last = self.front.asked[-1]
            self.front.asked[before:] = [Ask(last.act, last.who, last.request, wanted=False)]
            return
        raise RehearsalFailed(f"{self.front.act}: {self.front.asked[-1]}, and is let through.")

    def _changed(self, stack: ResolvedStack | None) -> None:
        self.region.judge = self.front.judge = self.jobs.judge = None if stack is None else Judge(stack)

    def _pipeline(self, *words: str | Path) -> Finished:
        with Command(self._home, *words, **self._environment) as command:
            return command.finish(PATIENCE)

    def _infra(self, status: int, *words: str) -> str:
        out = io.StringIO()

        def client(service: str) -> Any:
            return self.region.formation if service == "cloudformation" else self._session.client(service)

        with redirect_stdout(out), redirect_stderr(out):
            got = infra_main(words, lambda profile, region: Aws(HERE, LocalAws.REGION, ADMINISTRATOR, client))
        self._check(got == status, f"exit status {got}\n{out.getvalue()}")
        return out.getvalue()

    def _function(self) -> str:
        """Runs the function's code with what the template gives it."""
        properties = self.stack.properties("DeployFunction")
        variables = json.loads(translated(json.dumps(properties["Environment"]["Variables"]), HERE))
        namespace: dict[str, Any] = {}
        exec(compile(properties["Code"]["ZipFile"], "index.py", "exec"), namespace)
        with environment(variables):
            clients = (self._session.client(name) for name in ("sagemaker", "application-autoscaling"))
            sagemaker, scaling = clients
            return str(namespace["handler"]({}, None, sagemaker, lambda seconds: None, scaling))

    def _scales(self, *limits: float) -> None:
        got = self.region.scaling.limits(PROJECT)
        self._check(got == limits, f"The endpoint scales as {got}, and not as {limits}.")

    def _register_another(self) -> None:
        """A second version, with the first one's model."""
        client = self.region.client("sagemaker")
        first = client.describe_model_package(ModelPackageName=f"{self._packages}/1")
        kept = ("ModelPackageGroupName", "InferenceSpecification")
        client.create_model_package(**{name: first[name] for name in kept}, ModelApprovalStatus="Approved")

    @property
    def _packages(self) -> str:
        return f"arn:aws:sagemaker:{LocalAws.REGION}:{HERE}:model-package/{PROJECT}"

    def _served(self) -> str:
        return str(self.region.hosting.endpoints[PROJECT]["EndpointConfigName"])

    def _tags(self, arn: str) -> Mapping[str, str]:
        if ":scalable-target/" in arn:
            target = self.region.scaling.targets.get(arn.partition(":scalable-target/")[2], {})
            tags: Mapping[str, str] = target.get("Tags", {})
            return tags
        return self.region.hosting.tags_of(translated(arn, HERE))

    def _know_keys(self) -> None:
        pages = self.region.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        self.played.keys = [each["Key"] for page in pages for each in page.get("Contents", ())]

    def _role_of_running_job(self) -> str:
        client = self.region.server.client("sagemaker")
        roles = {
            agent.role_name(
                client.describe_processing_job(ProcessingJobName=each["ProcessingJobName"])["RoleArn"]
            )
            for each in client.list_processing_jobs(StatusEquals="InProgress")["ProcessingJobSummaries"]
        } | {
            agent.role_name(client.describe_training_job(TrainingJobName=each["TrainingJobName"])["RoleArn"])
            for each in client.list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"]
        }
        if len(roles) != 1:
            raise RehearsalFailed(f"A job asks, and whose role it has cannot be told: {sorted(roles)} run.")
        return roles.pop()

    def _jobs_asks(self) -> Iterator[Ask]:
        act, client = self.front.act, self.region.server.client("sagemaker")
        pipeline = client.describe_pipeline(PipelineName=PROJECT)
        self.played.definition = json.loads(pipeline["PipelineDefinition"])
        pipeline = as_resolved(pipeline, HERE)
        yield from agent.pipeline_asks(act, pipeline["PipelineArn"], pipeline["RoleArn"])
        for kind in ("Processing", "Training"):
            listed = getattr(client, f"list_{kind.lower()}_jobs")()[f"{kind}JobSummaries"]
            describe = getattr(client, f"describe_{kind.lower()}_job")
            for each in listed:
                name = f"{kind}JobName"
                job = as_resolved(describe(**{name: each[name]}), HERE)
                yield from agent.job_asks(act, kind, job, self.played.keys_of)

    def _endpoint_asks(self, version: int) -> Iterator[Ask]:
        found = as_resolved(self.region.hosting.model_of(self._served()), HERE)
        (container,) = found["Package"]["InferenceSpecification"]["Containers"]
        alarms = self.stack.outputs["EndpointAlarmNames"].split(",")
        yield from agent.endpoint_asks(
            self.front.act,
            PROJECT,
            found["ExecutionRoleArn"],
            container["Image"],
            container["ModelDataUrl"],
            alarms,
        )


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """These variables, while the block lasts."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
