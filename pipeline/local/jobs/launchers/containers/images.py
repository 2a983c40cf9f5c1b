"""Which image a step's job runs in: the definition's own, or the one that the user names (`run --image`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pipeline.errors import UsageError
from pipeline.local.jobs.image import Image
from pipeline.local.jobs.inputs import before_execution
from pipeline.local.jobs.launchers.containers.engine import Engine
from pipeline.local.jobs.programs import has_own_program, image_of, jobs_in
from pipeline.near_match import did_you_mean
from pipeline.spec.definition import Definition, Json, Step
from pipeline.spec.step_types import STEP_TYPES

# An image of a private registry on AWS, of which the SDK's own containers are.
_ECR = re.compile(r"(?P<registry>\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?)/")


@dataclass(frozen=True)
class ImageChoice:
    """`image` stands for that of the step, or for the images, that `of` names."""

    of: str
    image: str


def parse_image(text: str) -> ImageChoice:
    """Read STEP=IMAGE or IMAGE=IMAGE.

    Raises:
        UsageError: a part is missing.
    """
    of, _, image = (part.strip() for part in text.partition("="))
    if not of or not image:
        raise UsageError(
            f"Could not read --image {text!r}: write STEP=IMAGE or IMAGE=IMAGE, such as --image Train=my-jobs:1 or "
            "--image '*/tensorflow-training:*=my-jobs:1'."
        )
    return ImageChoice(of, image)


def choose_image(choices: Iterable[ImageChoice], step: str, uri: str) -> str:
    """The image for a step whose request names `uri`: what is chosen for the step, or for the image; else `uri`."""
    choices = tuple(choices)
    for choice in choices:
        if choice.of == step:
            return choice.image
    return next((each.image for each in choices if uri and fnmatchcase(uri, each.of)), uri)


def to_json(choices: Iterable[ImageChoice]) -> dict[str, str]:
    """The choices as an execution's record keeps them."""
    return {each.of: each.image for each in choices}


def from_json(recorded: Mapping[str, str]) -> tuple[ImageChoice, ...]:
    """The choices of an execution's record."""
    return tuple(ImageChoice(of, image) for of, image in recorded.items())


def check_images(
    definition: Definition,
    parameters: Mapping[str, Json],
    choices: Iterable[ImageChoice],
    engine: Engine,
    containers: Callable[[Step], list[dict[str, Json]] | None] = lambda step: None,
    within: Definition | None = None,
) -> list[Image]:
    """Check that the engine has every image that can be known before anything runs; returns them.

    `containers` says what is known ahead of the model of a Transform step. `within` is the whole of which
    `definition` has the steps that are to run: a choice may be one for a step that is not.

    Raises:
        UsageError: it lacks some, an image has no program for its step, or a choice is one for nothing. The message
            lists all of them.
    """
    choices = tuple(choices)
    every = jobs_in(within or definition)
    _check_matches(choices, [job.name for job in every], [_uri(job, parameters, containers) for job in every])
    jobs = jobs_in(definition)
    uris = [_uri(job, parameters, containers) for job in jobs]
    names = [choose_image(choices, job.name, uri) for job, uri in zip(jobs, uris, strict=True)]
    found = {name: engine.find_image(name) for name in dict.fromkeys(filter(None, names))}
    missing = {
        name: dict.fromkeys(job.name for job, wanted in zip(jobs, names, strict=True) if wanted == name)
        for name, image in found.items()
        if image is None
    }
    if missing:
        listed = "\n".join(f"  {name}, for {', '.join(steps)}" for name, steps in missing.items())
        raise UsageError(
            f"This engine lacks images that the jobs run in (nothing was started, nothing is pulled):\n{listed}\n"
            f"{_advice(engine, missing)}"
        )
    problems = [
        f"  {job.name}: {name} has no entry point, and the request none either"
        for job, name in zip(jobs, names, strict=True)
        if (image := found.get(name)) is not None and not image.entry_point and needs_entry_point(job, image)
    ]
    if problems:
        raise UsageError(
            "It is not known what these steps run in their containers (nothing was started):\n"
            + "\n".join(problems)
            + "\nName the image that they are meant for: --image STEP=IMAGE"
        )
    return [image for image in found.values() if image is not None]


def needs_entry_point(step: Step, image: Image) -> bool:
    """Whether only the image could say what the step's job runs."""
    return not has_own_program(step.type, step.arguments) and (
        step.type != "Processing" or not image.arguments
    )


def missing_image(engine: Engine, name: str) -> str:
    """Why a job cannot run whose image became known only now."""
    return f"The engine lacks the image {name}. {_advice(engine, [name])}"


def _advice(engine: Engine, names: Iterable[str]) -> str:
    """What to do about images that are not there."""
    lines = []
    for name in names:
        if found := _ECR.match(name):
            lines.append(
                f"With an account that may read it: aws ecr get-login-password --region {found['region']} | "
                f"{engine.name} login --username AWS --password-stdin {found['registry']}; then: {engine.name} "
                f"pull {name}"
            )
        else:
            lines.append(f"Get it with: {engine.name} pull {name}")
    lines.append(
        "Or name one that you have (docker images) with --image STEP=IMAGE or --image IMAGE=IMAGE. This project "
        "builds one with TensorFlow, numpy and boto3: make image"
    )
    return "\n".join(dict.fromkeys(lines))


def _check_matches(choices: Iterable[ImageChoice], steps: Sequence[str], uris: Iterable[str]) -> None:
    for choice in choices:
        fits = choice.of in steps or any(not uri or fnmatchcase(uri, choice.of) for uri in uris)
        if not fits:
            raise UsageError(
                f"Could not use --image {choice.of}={choice.image}: the definition has no job of that name, and no "
                f"image that it matches.{did_you_mean(choice.of, steps)} Its jobs: "
                f"{', '.join(steps) or 'none'}."
            )


def _uri(
    step: Step,
    parameters: Mapping[str, Json],
    containers: Callable[[Step], list[dict[str, Json]] | None],
) -> str:
    """The URI of the step's image, "" where it is known only once the execution runs."""
    if step.type == "Transform":
        return image_of(step.type, {"PrimaryContainer": (containers(step) or [{}])[0]})
    section, key = STEP_TYPES[step.type].image or ("", "")
    specification = step.arguments.get(section)
    value = specification.get(key) if isinstance(specification, Mapping) else None
    known = before_execution(value, parameters)
    return known if isinstance(known, str) else ""
