"""Where this evaluation's output goes and which execution it belongs to, from SageMaker's job configuration.

The command line must not depend on the execution: it is part of the step's cache key. The configuration file,
which SageMaker puts into every processing container, names the output's S3 prefix
`…/executions/<execution id>/evaluation`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from job_failure import JobError, while_doing

OUTPUT_NAME = "evaluation"


@dataclass(frozen=True)
class EvaluationOutput:
    """The S3 prefix of the evaluation (no slash at the end) and the id of the execution in it."""

    uri: str
    execution_id: str


def read_job_config(path: Path) -> EvaluationOutput:
    """Read `processingjobconfig.json`.

    Raises:
        JobError: no such file, not JSON, no output named "evaluation", or a URI without an execution id.
    """
    with while_doing(f"read the job configuration {path}"):
        content = path.read_bytes()
    try:
        outputs = json.loads(content)["ProcessingOutputConfig"]["Outputs"]
        uri = next(str(one["S3Output"]["S3Uri"]) for one in outputs if one["OutputName"] == OUTPUT_NAME)
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise JobError(
            f"The job configuration {path} has no output named {OUTPUT_NAME!r} with an S3Uri in "
            f"ProcessingOutputConfig ({type(error).__name__} {error}). Check --job-config."
        ) from error
    _, found, tail = uri.rstrip("/").rpartition("/executions/")
    execution_id = tail.split("/")[0]
    if not uri.startswith("s3://") or not found or not execution_id:
        raise JobError(
            f"In the job configuration {path}, the output {OUTPUT_NAME!r} must go to "
            f"s3://…/executions/<execution id>/…, not to {uri!r}."
        )
    return EvaluationOutput(uri.rstrip("/"), execution_id)
