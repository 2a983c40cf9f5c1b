"""Rules for what a job's container is started with: image, arguments, environment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.shown import shown
from pipeline.spec.definition import Json, Step
from pipeline.spec.json_values import strings

# Where requests hold command lines.
COMMAND_LINES = tuple(
    (specification, key)
    for specification in ("AppSpecification", "AlgorithmSpecification")
    for key in ("ContainerEntrypoint", "ContainerArguments")
)

# What stands between the words of a text, one of which may name an image.
BETWEEN_WORDS = re.compile(r"[\s=,]+")
ECR_HOST = ".dkr.ecr"
# Amazon ECR user guide, "Private registries": <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>.
ECR_IMAGE = re.compile(
    r"\d{12}\.dkr\.ecr(-fips)?\.[a-z]{2}(-[a-z]+)+-\d\.amazonaws\.com(\.cn)?"
    r"/[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?",
    re.ASCII,
)


def ecr_images_are_well_formed(step: Step) -> Iterator[tuple[str, str]]:
    """An image in Amazon ECR is named <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag or @digest>.

    API reference, AlgorithmSpecification, TrainingImage. Amazon ECR user guide, "Private registries".
    """
    for path, text in strings(step.arguments, step.argument_path()):
        for word in BETWEEN_WORDS.split(text) if ECR_HOST in text else ():
            if ECR_HOST in word and not ECR_IMAGE.fullmatch(word):
                form = "<12 digits>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>"
                yield path, f"must be {form}, not {shown(word, 200)}."


def no_experiment_config(step: Step) -> Iterator[tuple[str, str]]:
    """A step's arguments have no ExperimentConfig: Pipelines fills it in.

    SageMaker SDK, sagemaker.mlops.workflow.steps: "`ExperimentConfig` cannot be included in the arguments".
    """
    config: Json = step.arguments.get("ExperimentConfig")
    if config is not None:
        yield (
            step.argument_path("ExperimentConfig"),
            f"leave it out: Pipelines fills it in (got {shown(config, 80)}).",
        )


RULES = (
    ecr_images_are_well_formed,
    no_experiment_config,
)
