"""Finds the model that a transform job names: what made it knows its image, its artifact and its environment.

A model of a Model step is in the record of its execution, since the local SageMaker forgets it when a command ends;
one that a client of the server of endpoint/ made is in the state folder; one that a job made through boto3 is there
while the command lasts. A model made of a package has what that says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from pipeline.botocore_errors import client_errors
from pipeline.errors import FashionError, StepFailed
from pipeline.local.jobs.inputs import before_execution
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.resources import MODEL, Resources
from pipeline.local.state.store import Store
from pipeline.spec.definition import Definition, Json, Step
from pipeline.spec.expressions import references
from pipeline.spec.for_each import every_request

# By the model's name, its containers as CreateModel has them; None where nothing here is called so.
FindModel = Callable[[str], "list[dict[str, Json]] | None"]
# How the service, and runner.py, call what a step makes.
_OF_EXECUTION = re.compile(r"pipelines-([a-z0-9]{12})-.+")


def model_finder(aws: LocalAws, store: Store) -> FindModel:
    """Finds models of executions in `store`, and those that the local SageMaker has now."""
    return partial(_find, aws, store)


def no_models(name: str) -> None:
    """Finds nothing."""


def _find(aws: LocalAws, store: Store, name: str) -> list[dict[str, Json]] | None:
    described = _of_execution(store, name) or Resources(store).all(MODEL).get(name) or _of_service(aws, name)
    if described is None:
        return None
    return [each for given in containers_of(described) for each in _with_package(aws, given)]


def containers_of(model: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The containers of a CreateModel request."""
    primary = model.get("PrimaryContainer")
    return [*([primary] if primary else []), *(model.get("Containers") or ())]


def _of_execution(store: Store, name: str) -> Mapping[str, Json] | None:
    named = _OF_EXECUTION.fullmatch(name)
    if named is None:
        return None
    try:
        record = store.load_execution(named[1])
    except FashionError:
        return None
    made = (step.properties for step in record.steps if step.type == "Model")
    return next((properties for properties in made if properties.get("ModelName") == name), None)


def _of_service(aws: LocalAws, name: str) -> Mapping[str, Json] | None:
    try:
        described: Mapping[str, Json] = aws.client("sagemaker").describe_model(ModelName=name)
    except client_errors():
        return None
    return described


def _with_package(aws: LocalAws, container: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """The container, or in the place of one that names a package those of the package, with its own environment."""
    package = container.get("ModelPackageName")
    if not package:
        yield container
        return
    try:
        described = aws.client("sagemaker").describe_model_package(ModelPackageName=package)
    except client_errors() as error:
        raise StepFailed(f"Looking for the model package {package}: {error}") from error
    own = container.get("Environment") or {}
    for each in (described.get("InferenceSpecification") or {}).get("Containers") or ():
        yield {**each, "Environment": {**(each.get("Environment") or {}), **own}}


def containers_ahead(
    step: Step, definition: Definition, parameters: Mapping[str, Json], find: FindModel
) -> list[dict[str, Json]] | None:
    """The containers of a Transform step's model, as far as they are known before anything runs; None: nothing is.

    An empty list: no model has that name, and no earlier step could make it.
    """
    name = before_execution(step.arguments.get("ModelName"), parameters)
    if isinstance(name, str):
        found = find(name)
        waits = (
            step.depends_on or step.branch or any(each.root == "Steps" for each in references(step.arguments))
        )
        return [] if found is None and not waits else found
    for reference in references(name):
        for other in every_request(definition):
            if other.name == reference.name and other.type == "Model":
                return [
                    {key: before_execution(value, parameters) for key, value in container.items()}
                    for container in containers_of(other.arguments)
                    if isinstance(container, Mapping)
                ]
    return None
