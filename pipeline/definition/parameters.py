"""The pipeline's parameters: what Studio's "Create execution" form and `--param` can set.

Defaults are meant for GPU instances. The local target starts with smaller values (LOCAL_VALUES) and says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import UsageError
from pipeline.shown import shown

Value = str | int | float

NO_CHAMPION = "none"
"""Instead of a champion. Not an empty text: StartPipelineExecution refuses one, and Studio's form with it."""

NO_CAPTURE = "none"


@dataclass(frozen=True)
class PipelineParameter:
    """One parameter. `default` None means that the settings decide (an account's bucket, a region's image).

    `form`: what a text must be, in words, and the regular expression that says so.
    """

    name: str
    type: Literal["String", "Integer", "Float"]
    default: Value | None
    meaning: str
    above: float = -math.inf
    at_least: float = -math.inf
    at_most: float = math.inf
    choices: tuple[str, ...] = ()
    form: tuple[str, str] = ("a text that is not empty", r".+")

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        kind = {"String": self.form[0], "Integer": "a whole number", "Float": "a number"}[self.type]
        if self.at_least > -math.inf and self.at_most < math.inf:
            return f"{kind} from {self.at_least:g} to {self.at_most:g}"
        bounds = []
        if self.above > -math.inf:
            bounds.append(f"above {self.above:g}")
        if self.at_least > -math.inf:
            bounds.append(f"of at least {self.at_least:g}")
        if self.at_most < math.inf:
            bounds.append(f"at most {self.at_most:g}")
        return " ".join((kind, " and ".join(bounds))).strip()

    def parse(self, text: str) -> Value:
        """`text` as this parameter's type; raises UsageError when it is not one or is out of bounds."""
        try:
            value: Value = {"String": str, "Integer": int, "Float": float}[self.type](text)
        except ValueError:
            raise self.error(text) from None
        if isinstance(value, str):
            if (self.choices and value not in self.choices) or not re.fullmatch(self.form[1], value):
                raise self.error(text)
            return value
        if not (math.isfinite(value) and self.above < value and self.at_least <= value <= self.at_most):
            raise self.error(text)
        return value

    def error(self, text: str) -> UsageError:
        """The error for a value that is not what this parameter takes."""
        return UsageError(
            f"{self.name} ({self.meaning}) must be {self.expected}, not {shown(text)}. Nothing was started; "
            "correct the value and run again."
        )


PARAMETERS = (
    PipelineParameter(
        "InputDataUri",
        "String",
        None,
        "S3 folder of the four IDX files",
        form=("s3://bucket/folder (a folder of this machine is named with --data)", r"s3://[^/]+/.+"),
    ),
    PipelineParameter(
        "ProcessingInstanceType", "String", "ml.m5.xlarge", "instance of NormalizeData and Evaluate"
    ),
    PipelineParameter("TrainingInstanceType", "String", "ml.g5.xlarge", "instance of the training steps"),
    PipelineParameter("ProcessingImageUri", "String", None, "container of NormalizeData and Evaluate"),
    PipelineParameter("TrainingImageUri", "String", None, "container of the training steps"),
    PipelineParameter("Epochs", "Integer", 12, "passes over the training split", at_least=1, at_most=10_000),
    PipelineParameter(
        "BatchSize", "Integer", 128, "images per step of the optimizer", at_least=1, at_most=65_536
    ),
    PipelineParameter("LearningRate", "Float", 0.006, "peak of the schedule", above=0.0, at_most=10.0),
    PipelineParameter(
        "MinAccuracy", "Float", 0.9, "test accuracy that the gate asks for", at_least=0.0, at_most=1.0
    ),
    PipelineParameter(
        "ModelPackageGroupName",
        "String",
        None,
        "group of the model registry",
        # The API reference's, CreateModelPackageGroup.
        form=("1 to 63 letters, digits and inner hyphens", r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"),
    ),
    PipelineParameter(
        "ChampionModelPackage",
        "String",
        NO_CHAMPION,
        "ARN of the package to compare with, or none",
        form=(
            f"{NO_CHAMPION}, or arn:…:model-package/<group>/<version>",
            rf"{NO_CHAMPION}|arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{{12}}:model-package/[^/]+/[0-9]+",
        ),
    ),
    PipelineParameter(
        "MustBeatChampion",
        "String",
        "false",
        "true: a candidate that is significantly worse than the champion misses the gate",
        choices=("true", "false"),
    ),
    PipelineParameter(
        "CapturedDataUri",
        "String",
        NO_CAPTURE,
        "S3 folder of the requests whose drift this execution answers; noted, and read by no step",
        form=(f"{NO_CAPTURE}, or s3://bucket/folder", rf"{NO_CAPTURE}|s3://[^/]+/.+"),
    ),
    PipelineParameter(
        "ModelApprovalStatus",
        "String",
        "PendingManualApproval",
        "approval status of a newly registered model",
        choices=("PendingManualApproval", "Approved", "Rejected"),
    ),
)

# What the local target starts an execution with where the user says nothing: minutes on two CPU cores.
LOCAL_VALUES: Mapping[str, Value] = {"Epochs": 4}


def parse_parameters(assignments: Iterable[str]) -> dict[str, Value]:
    """`NAME=VALUE` texts as values by name.

    Raises UsageError for what is not an assignment, an unknown name, a repeated one, or a wrong value.
    """
    known = {parameter.name: parameter for parameter in PARAMETERS}
    values: dict[str, Value] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError(
                f"A parameter must be set as NAME=VALUE, for example Epochs=1, not {assignment!r}."
            )
        if name not in known:
            import difflib

            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = (
                f"Did you mean {near[0]}?"
                if near
                else "The names are listed by: python -m pipeline run --help"
            )
            raise UsageError(f"There is no parameter {name!r}, only {', '.join(known)}. {hint}")
        if name in values:
            raise UsageError(f"The parameter {name} is set twice, the second time to {text!r}. Set it once.")
        values[name] = known[name].parse(text)
    return values
