"""The pipeline's parameters (parameters.py) as the SDK's objects, and the containers they default to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sagemaker.core import image_uris
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString

from pipeline.dataset.choice import data_digest_of_sources
from pipeline.definition.parameters import PARAMETERS, PipelineParameter
from pipeline.definition.settings import CAPTURED, Settings


def tensorflow_image(
    region: str, scope: Literal["training", "inference"], instance: str = "ml.m5.xlarge"
) -> str:
    """The URI of AWS's TensorFlow container for `instance`: pinned, never "latest"."""
    # The inference containers stop one version before the training ones.
    version = {"training": "2.21.0", "inference": "2.20.0"}[scope]
    uri: str = image_uris.retrieve(
        "tensorflow", region, version=version, py_version="py312", instance_type=instance, image_scope=scope
    )
    return uri


def make_parameters(settings: Settings, declared: Sequence[PipelineParameter] = PARAMETERS) -> dict[str, Any]:
    """The SDK's parameter objects of `declared` by name, with their defaults and those that `settings` decides."""
    defaults: dict[str, Any] = {parameter.name: parameter.default for parameter in PARAMETERS}
    decided = {
        "InputDataUri": settings.uri("raw", data_digest_of_sources()),
        "ProcessingImageUri": tensorflow_image(
            settings.region, "training", defaults["ProcessingInstanceType"]
        ),
        "TrainingImageUri": tensorflow_image(settings.region, "training", defaults["TrainingInstanceType"]),
        "ModelPackageGroupName": settings.model_package_group,
        "CaptureUri": settings.uri(CAPTURED),
        "EndpointName": settings.model_package_group,  # deploy calls it as the project, too
    }
    types = {"String": ParameterString, "Integer": ParameterInteger, "Float": ParameterFloat}
    made = {}
    for parameter in declared:
        offered = list(dict(settings.offered).get(parameter.name, parameter.choices))
        extra = {"enum_values": offered} if offered else {}
        default = decided.get(parameter.name, parameter.default)
        made[parameter.name] = types[parameter.type](parameter.name, default_value=default, **extra)
    return made
