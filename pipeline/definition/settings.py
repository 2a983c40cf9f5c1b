"""What a definition is compiled for: account, region, bucket and roles, and the choices that change the graph."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, TypedDict, Unpack

from pipeline.definition.candidates import DEFAULT_CANDIDATES, find_candidates
from pipeline.definition.search_space import check_search
from pipeline.errors import UsageError
from pipeline.spec.instance_types import has_own_storage

PROJECT = "fashion-mnist"
MONITOR_SUFFIX = "-monitor"
MONITOR = f"{PROJECT}{MONITOR_SUFFIX}"  # the second pipeline, beside the one that is called as the project
CAPTURED = "captured"  # what endpoints capture, below the project's folder in the bucket
# The models of searches: no execution's, but where the roles may write and read models.
TUNED_MODELS = "executions/tuned/models"
Kind = Literal["training", "monitor"]
PRECISIONS = ("auto", "float32")  # as training/train.py takes them
MAX_INSTANCES = 16  # of a training job: a batch of 128 images leaves 8 for each
MAX_WARM_SECONDS = 3600  # CreateTrainingJob, ResourceConfig, KeepAlivePeriodInSeconds
MAX_TAGS = 40  # AWS takes 50; the definition and Pipelines add some of their own
TAG_TEXT = re.compile(r"[\w\s.:/=+@-]*")  # CreateTrainingJob, Tag


class Choices(TypedDict, total=False):
    """The fields of Settings that are chosen on the command line; those left out keep their defaults."""

    candidates: tuple[str, ...]
    seeds: tuple[int, ...]
    fewer_seeds: tuple[tuple[str, int], ...]
    tune: int
    tune_strategy: str
    training_instance_count: int
    precision: str
    spot: bool
    warm_pool_seconds: int
    instance_preferences: tuple[str, ...]
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    kms_key: str
    network_isolation: bool
    encrypt_traffic: bool
    tags: tuple[tuple[str, str], ...]
    training_instance_type: str
    processing_instance_type: str
    mlflow_app: str
    kind: Kind


@dataclass(frozen=True)
class Settings:
    """Compile-time settings. Everything else is a pipeline parameter, and can be set when an execution starts.

    Roles are compile-time values because the SDK's ModelTrainer accepts no pipeline variable for them.

    `fewer_seeds`: candidates that are trained under the first of `seeds` only, and under how many.

    `tune`: how many trials a search makes for each candidate before it is evaluated, by `tune_strategy` (0: none).

    `precision`: one of PRECISIONS, what networks compute in: "auto" is bfloat16 where the device multiplies in it.

    Training jobs: `spot` asks for managed spot instances, for at most `spot_wait_seconds` more than the longest
    run; `warm_pool_seconds` keeps instances for the next job (0: not), never together with spot;
    `instance_preferences` are types of instances, of which a training job gets the first that is free (empty: the
    parameter's type alone).
    All jobs: `subnets` and `security_groups` name a VPC (empty: none); `kms_key` encrypts what they write to S3,
    and the volumes of those whose instance type has volumes to encrypt (empty: the bucket's key, and AWS's own
    for volumes); `tags` are added to the project's own.
    `network_isolation` cuts off the containers of the jobs that call nobody: all but Evaluate.
    `encrypt_traffic` encrypts what the hosts of one training job send each other.
    `offered` has the values of parameters that the roles allow, where they do not allow all.
    `mlflow_app` is the ARN of the MLflow app or tracking server that SageMaker reports executions to (empty: none).
    `kind` says which of the two pipelines; see for_monitor.
    The instance types are those that executions will most likely start with: no more than a hint for `kms_key`.
    """

    account: str
    region: str
    bucket: str
    pipeline_role: str
    job_role: str
    evaluation_role: str
    pipeline_name: str = PROJECT
    model_package_group: str = PROJECT
    candidates: tuple[str, ...] = DEFAULT_CANDIDATES
    seeds: tuple[int, ...] = (0,)
    fewer_seeds: tuple[tuple[str, int], ...] = ()
    tune: int = 0
    tune_strategy: str = "Bayesian"
    training_instance_count: int = 1
    precision: str = "auto"
    training_max_runtime_seconds: int = 3600
    processing_max_runtime_seconds: int = 1800
    spot: bool = False
    spot_wait_seconds: int = 3600
    warm_pool_seconds: int = 0
    instance_preferences: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    kms_key: str = ""
    network_isolation: bool = False
    encrypt_traffic: bool = False
    tags: tuple[tuple[str, str], ...] = ()
    training_instance_type: str = "ml.g5.xlarge"
    processing_instance_type: str = "ml.m5.xlarge"
    offered: tuple[tuple[str, tuple[str, ...]], ...] = ()
    mlflow_app: str = ""
    kind: Kind = "training"

    def __post_init__(self) -> None:
        find_candidates(self.candidates)
        if not self.seeds or len(set(self.seeds)) != len(self.seeds) or min(self.seeds) < 0:
            raise UsageError(
                f"Seeds must be one or more different whole numbers from 0 up, not {self.seeds}. For "
                "example: --seeds 3"
            )
        wrong = [
            f"{name}:{count}"
            for name, count in self.fewer_seeds
            if name not in self.candidates or not 1 <= count <= len(self.seeds)
        ]
        if wrong:
            raise UsageError(
                f"{', '.join(wrong)}: NAME:N trains a chosen candidate under the first N of "
                f"{len(self.seeds)} seeds."
            )
        if not 1 <= self.training_instance_count <= MAX_INSTANCES:
            raise UsageError(
                f"--instances must be from 1 to {MAX_INSTANCES} for each training job, not "
                f"{self.training_instance_count}. For example: --instances 2"
            )
        check_search(self.tune, self.tune_strategy)
        self._check_machines()
        self._check_network()
        self._check_tags()

    def trainings(self) -> tuple[tuple[str, int], ...]:
        """Each candidate's name and seed, seed by seed."""
        counts = {name: len(self.seeds) for name in self.candidates} | dict(self.fewer_seeds)
        return tuple(
            (name, seed)
            for place, seed in enumerate(self.seeds)
            for name in self.candidates
            if place < counts[name]
        )

    def _check_machines(self) -> None:
        """What training jobs run on."""
        if self.spot_wait_seconds < 1:
            raise UsageError(
                "The time to wait for spot instances must be a positive number of seconds, not "
                f"{self.spot_wait_seconds}."
            )
        if not 0 <= self.warm_pool_seconds <= MAX_WARM_SECONDS:
            raise UsageError(
                f"--warm-pool-seconds must be from 1 to {MAX_WARM_SECONDS}, or 0 for no warm pool, not "
                f"{self.warm_pool_seconds}. For example: --warm-pool-seconds 600"
            )
        if self.spot and self.warm_pool_seconds:
            raise UsageError(
                f"--spot and --warm-pool-seconds {self.warm_pool_seconds} do not go together: SageMaker "
                "keeps no spot instance warm. Leave one of them out."
            )

        self._check_preferences()

    def _check_preferences(self) -> None:
        """API reference, ResourceConfig: InstancePreferences has at most 5 different types, and is never spot."""
        types = self.instance_preferences
        doing = "Choosing instances"
        if not types:
            return
        if not 2 <= len(types) <= 5 or len(set(types)) != len(types):
            raise UsageError(
                f"{doing}: --instance-types takes two to five different types (got {', '.join(types)})."
            )
        if self.spot or self.warm_pool_seconds:
            flag = "--spot" if self.spot else "--warm-pool-seconds"
            raise UsageError(
                f"{doing}: SageMaker chooses among several types of instances only on demand. Leave out {flag} or "
                "--instance-types."
            )
        if self.kms_key and len({has_own_storage(each) for each in types}) > 1:
            raise UsageError(
                f"{doing}: with --kms-key all types have storage of their own, which takes no key, or none "
                f"(got {', '.join(types)})."
            )

    def _check_network(self) -> None:
        """A VPC is subnets and security groups."""
        if bool(self.subnets) != bool(self.security_groups):
            raise UsageError(
                "Subnets and security groups go together, but there are subnets "
                f"{', '.join(self.subnets) or 'none'} and security groups "
                f"{', '.join(self.security_groups) or 'none'}. Give --subnets and --security-groups."
            )

    def _check_tags(self) -> None:
        """Own tags, beside those that cost_tags gives every job."""
        keys = [key for key, _ in self.tags]
        own = {"Project", "Pipeline", "Step", "Candidate", "Seed"}
        if len(keys) > MAX_TAGS or len(set(keys)) != len(keys) or own & set(keys):
            raise UsageError(
                f"There may be at most {MAX_TAGS} different tags, none of them {', '.join(sorted(own))}, "
                f"which the pipeline sets itself (got {', '.join(keys)}). Leave out what is there twice."
            )
        for key, value in self.tags:
            if (
                not 1 <= len(key) <= 128
                or len(value) > 256
                or key.lower().startswith("aws:")
                or not (TAG_TEXT.fullmatch(key) and TAG_TEXT.fullmatch(value))
            ):
                raise UsageError(
                    f"The tag {key!r}={value!r} is not allowed: a key has 1 to 128 and a value at most 256 "
                    "letters, digits, spaces or _.:/=+-@, and no key begins with aws:. For example: --tag "
                    "CostCenter=1234"
                )

    def for_monitor(self) -> Settings:
        """These settings, for the pipeline that watches what endpoints of the same project capture."""
        return replace(
            self, kind="monitor", pipeline_name=f"{self.pipeline_name}{MONITOR_SUFFIX}", mlflow_app=""
        )

    def cost_tags(self, **more: str) -> dict[str, str]:
        """The tags of a job, or of the pipeline: what a bill can be split by."""
        return {"Project": PROJECT, "Pipeline": self.pipeline_name, **more, **dict(self.tags)}

    def uri(self, *parts: str) -> str:
        """The S3 URI of this project's folder `parts` in the bucket, without a slash at its end."""
        return "/".join((f"s3://{self.bucket}/{PROJECT}", *parts))


def local_settings(account: str, region: str, **choices: Unpack[Choices]) -> Settings:
    """Settings for the local target: an account that does not exist, and roles that nothing checks."""

    def role(name: str) -> str:
        return f"arn:aws:iam::{account}:role/{PROJECT}-{name}"

    return Settings(
        account=account,
        region=region,
        bucket=f"{PROJECT}-{account}-{region}",
        pipeline_role=role("pipeline"),
        job_role=role("jobs"),
        evaluation_role=role("evaluation"),
        **choices,
    )
