"""Which image a step runs in, and what is said before anything runs when the engine lacks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.local.jobs.image import Image
from pipeline.local.jobs.launchers.containers.engine import Engine, find_engine
from pipeline.local.jobs.launchers.containers.images import (
    check_images,
    choose_image,
    from_json,
    parse_image,
    to_json,
)
from pipeline.spec.definition import Definition
from pipeline.spec.parsing import parse_definition

ECR = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/tensorflow-training:2.21.0-cpu-py312"


def processing(name: str, image: Any, **specification: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
            },
            "AppSpecification": {"ImageUri": image, **specification},
            "RoleArn": "arn:aws:iam::123456789012:role/r",
        },
    }


def define(*steps: dict[str, Any]) -> Definition:
    parameters = [{"Name": "Image", "Type": "String", "DefaultValue": "jobs:1"}]
    return parse_definition(
        json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": list(steps)})
    )


PARAMETER = {"Get": "Parameters.Image"}
OWN = {"ContainerEntrypoint": ["python3", "a.py"]}
VALUES = {"Image": "jobs:1"}


@pytest.fixture
def holding(fake_docker: Callable[..., Path]) -> Callable[..., Engine]:
    """An engine that has these images, and no other; each has an entry point unless it is called bare."""

    def install(*names: str) -> Engine:
        served = '[{"Id": "sha256:1", "Config": {"Entrypoint": ["serve"]}}]'
        bare = '[{"Id": "sha256:2"}]'
        cases = [f"*\" {each}\") echo '{bare if 'bare' in each else served}' ;;" for each in names]
        listed = " ".join(cases)
        fake_docker(f'case "$*" in "image inspect"*) case "$*" in {listed} *) exit 1 ;; esac ;; esac')
        return find_engine()

    return install


@pytest.mark.parametrize("text", ["", "Train", "Train=", "=jobs:1", " = "])
def test_half_a_choice_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write STEP=IMAGE or IMAGE=IMAGE"):
        parse_image(text)


def test_a_step_is_preferred_to_an_image_and_the_definitions_own_comes_last() -> None:
    choices = [parse_image("*/tensorflow-training:*=mine:2"), parse_image("Fit=mine:1")]
    assert choose_image(choices, "Fit", ECR) == "mine:1"
    assert choose_image(choices, "Other", ECR) == "mine:2"
    assert choose_image(choices, "Other", "else:1") == "else:1"
    assert from_json(to_json(choices)) == tuple(choices)


def test_all_images_that_the_engine_has_are_returned(holding: Callable[..., Engine]) -> None:
    engine = holding("jobs:1", "mine:1")
    definition = define(processing("A", PARAMETER, **OWN), processing("B", ECR, **OWN))
    found = check_images(definition, VALUES, [parse_image("B=mine:1")], engine)
    assert [image.name for image in found] == ["jobs:1", "mine:1"]


def test_all_missing_images_are_named_with_their_steps_and_what_to_do(holding: Callable[..., Engine]) -> None:
    engine = holding("mine:1")
    definition = define(processing("A", PARAMETER), processing("B", PARAMETER), processing("C", ECR))
    with pytest.raises(UsageError) as caught:
        check_images(definition, VALUES, (), engine)
    said = str(caught.value)
    assert "nothing was started" in said
    assert "\n  jobs:1, for A, B\n" in said
    assert f"\n  {ECR}, for C\n" in said
    assert "docker pull jobs:1" in said
    assert "aws ecr get-login-password --region eu-west-1 | docker login" in said
    assert "--image STEP=IMAGE" in said
    assert "make image" in said


def test_an_image_without_an_entry_point_is_no_use_to_a_request_without_one(
    holding: Callable[..., Engine],
) -> None:
    engine = holding("bare:1")
    check_images(define(processing("A", "bare:1", **OWN)), {}, (), engine)
    with pytest.raises(UsageError, match=r"A: bare:1 has no entry point"):
        check_images(define(processing("A", "bare:1")), {}, (), engine)


def test_a_choice_for_nothing_is_refused(holding: Callable[..., Engine]) -> None:
    engine = holding("jobs:1", "mine:1")
    definition = define(processing("Prepare", "jobs:1"))
    with pytest.raises(
        UsageError, match=r"no job of that name.* Did you mean 'Prepare'\?.* Its jobs: Prepare"
    ):
        check_images(definition, {}, [parse_image("Prepar=mine:1")], engine)


def test_a_choice_may_be_for_a_step_that_does_not_run_now(holding: Callable[..., Engine]) -> None:
    engine = holding("mine:1")
    done, left = processing("Done", "gone:1", **OWN), processing("Left", "jobs:1", **OWN)
    choices = [parse_image("Done=no-more:1"), parse_image("Left=mine:1")]
    found = check_images(define(left), {}, choices, engine, within=define(done, left))
    assert [image.name for image in found] == ["mine:1"]


def test_an_image_runs_its_own_arguments_unless_it_is_given_others() -> None:
    image = Image("a", "1", ("serve",), ("--quiet",))
    assert image.command() == ["serve", "--quiet"]
    assert image.command(["train"]) == ["serve", "train"]
