"""Rules for a job's network."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.shown import shown
from pipeline.spec.definition import Step
from pipeline.spec.json_values import strings, value_at
from pipeline.spec.validation.rules.containers import COMMAND_LINES

ISOLATION = (("EnableNetworkIsolation",), ("NetworkConfig", "EnableNetworkIsolation"))


def isolated_jobs_reach_nothing(step: Step) -> Iterator[tuple[str, str]]:
    """A job under network isolation is not told to fetch or call something: no S3 URI or ARN on its command line.

    API reference, CreateTrainingJob and NetworkConfig, EnableNetworkIsolation: "No inbound or outbound network
    calls can be made". Channels, inputs and outputs still work: SageMaker transfers them. A job that downloads
    artifacts or registers a model cannot be isolated.
    """
    if not any(value_at(step.arguments, *keys) is True for keys in ISOLATION):
        return
    for keys in COMMAND_LINES:
        for path, text in strings(value_at(step.arguments, *keys), step.argument_path(*keys)):
            if "s3://" in text or text.startswith("arn:aws"):
                yield (
                    path,
                    f"an isolated job has no network for {shown(text, 200)}.",
                )


RULES = (isolated_jobs_reach_nothing,)
