"""The experiment that a definition names, as DescribePipelineExecution tells of it; none is made here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import StepFailed
from pipeline.local.endpoint.names import execution_arn, pipeline_arn, pipeline_key
from pipeline.spec.definition import Json
from pipeline.spec.expressions import resolve


@dataclass(frozen=True)
class _BeforeAnyStep:
    """The Scope of what is known before a step has run."""

    parameters: Mapping[str, Json]
    execution: Mapping[str, str]
    experiment: Mapping[str, Json] = field(default_factory=dict)

    def properties(self, step: str) -> Mapping[str, Json]:
        """No step has any."""
        raise StepFailed(f"Step {step} has not run.")

    def property_file(self, step: str, name: str) -> Json:
        """No step has any."""
        raise StepFailed(f"Step {step} has not run.")

    def document(self, uri: str) -> Json:
        """None is read."""
        raise StepFailed(f"{uri} is not read.")


def named_experiment(
    definition: str, given: Mapping[str, Json], pipeline_name: str, execution_id: str
) -> dict[str, str] | None:
    """The PipelineExperimentConfig of the text of a definition with its values; None: it has none that can be told.

    `given` are the parameters that the execution is started with.
    """
    told: dict[str, Any] = json.loads(definition)
    key = pipeline_key(pipeline_name)
    variables = {
        "PipelineName": pipeline_name,
        "PipelineArn": pipeline_arn(key),
        "PipelineExecutionId": execution_id,
        "PipelineExecutionArn": execution_arn(key, execution_id),
    }
    parameters = {
        each["Name"]: each["DefaultValue"] for each in told.get("Parameters") or () if "DefaultValue" in each
    }
    try:
        values = resolve(
            told.get("PipelineExperimentConfig"), _BeforeAnyStep({**parameters, **given}, variables)
        )
    except StepFailed:
        return None
    if not isinstance(values, Mapping):
        return None
    return {name: value for name, value in values.items() if isinstance(value, str)} or None
