"""What a definition is compiled for: account, region, bucket and roles, and the choices that change the graph."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.candidates import DEFAULT_CANDIDATES, find_candidates
from pipeline.errors import UsageError

PROJECT = "fashion-mnist"
MAX_INSTANCES = 16  # of a training job: a batch of 128 images leaves 8 for each


@dataclass(frozen=True)
class Settings:
    """Compile-time settings. Everything else is a pipeline parameter, and can be set when an execution starts.

    Roles are compile-time values because the SDK's ModelTrainer accepts no pipeline variable for them.
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
    training_instance_count: int = 1
    training_max_runtime_seconds: int = 3600
    processing_max_runtime_seconds: int = 1800

    def __post_init__(self) -> None:
        find_candidates(self.candidates)
        if not self.seeds or len(set(self.seeds)) != len(self.seeds) or min(self.seeds) < 0:
            raise UsageError(
                "Choosing seeds: expected one or more different whole numbers from 0 up. "
                f"Received: {self.seeds}. Use for example --seeds 3."
            )
        if not 1 <= self.training_instance_count <= MAX_INSTANCES:
            raise UsageError(
                f"Choosing instances: expected 1 to {MAX_INSTANCES} for each training job. "
                f"Received: {self.training_instance_count}. Use for example --instances 2."
            )

    def uri(self, *parts: str) -> str:
        """The S3 URI of this project's folder `parts` in the bucket, without a slash at its end."""
        return "/".join((f"s3://{self.bucket}/{PROJECT}", *parts))


def local_settings(
    account: str,
    region: str,
    candidates: tuple[str, ...] = DEFAULT_CANDIDATES,
    seeds: tuple[int, ...] = (0,),
    training_instance_count: int = 1,
) -> Settings:
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
        candidates=candidates,
        seeds=seeds,
        training_instance_count=training_instance_count,
    )
