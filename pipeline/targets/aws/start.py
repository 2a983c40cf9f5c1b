"""Starts an execution in SageMaker, at most once for the same definition, parameters and `--again`.

Two things see to that: StartPipelineExecution's client request token, by which SageMaker drops a request that it
has had; and the execution's display name, by which one that was started long ago is found before a request is sent
(AWS does not say for how long it remembers a token).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.definition.parameters import Value
from pipeline.targets.aws.aws_errors import translate_errors

_NAME_LENGTH = 16


@dataclass(frozen=True)
class StartRequest:
    """What is to be started. `source` is the ARN of the execution that `only` builds on; None: the latest.

    `version` is the pipeline's that `definition` is of; None: the newest, which it has been made.
    """

    pipeline: str
    definition: str
    values: Mapping[str, Value]
    again: int = 0
    parallel: int | None = None
    only: Sequence[str] = ()
    source: str | None = None
    version: int | None = None

    @property
    def token(self) -> str:
        """The client request token: 64 characters, the same for the same request."""
        document = [
            self.pipeline,
            json.loads(self.definition),
            {name: parameter_text(value) for name, value in self.values.items()},
            self.again,
            self.parallel,
            sorted(self.only),
            self.source,
            *(() if self.version is None else (self.version,)),
        ]
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()

    @property
    def display_name(self) -> str:
        """What the execution is called in Studio: the beginning of its token, and which repetition it is."""
        name = f"cli-{self.token[:_NAME_LENGTH]}"
        return f"{name}-again-{self.again}" if self.again else name


def parameter_text(value: Value) -> str:
    """A parameter's value as StartPipelineExecution takes it: always a text."""
    return value if isinstance(value, str) else json.dumps(value)


def start_execution(client: Any, request: StartRequest) -> str:
    """Starts the execution and returns its ARN.

    Raises:
        CredentialsError, AwsError: SageMaker does not take it.
    """
    more: dict[str, Any] = {}
    if request.parallel is not None:
        more["ParallelismConfiguration"] = {"MaxParallelExecutionSteps": request.parallel}
    if request.only:
        more["SelectiveExecutionConfig"] = {
            "SelectedSteps": [{"StepName": name} for name in request.only],
            **({"SourcePipelineExecutionArn": request.source} if request.source else {}),
        }
    if request.version is not None:
        more["PipelineVersionId"] = request.version
    with translate_errors(f"Starting the pipeline {request.pipeline}"):
        answer = client.start_pipeline_execution(
            PipelineName=request.pipeline,
            PipelineExecutionDisplayName=request.display_name,
            PipelineParameters=[
                {"Name": name, "Value": parameter_text(value)} for name, value in request.values.items()
            ],
            ClientRequestToken=request.token,
            **more,
        )
    return str(answer["PipelineExecutionArn"])
