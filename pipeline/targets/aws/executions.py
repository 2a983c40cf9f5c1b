"""Reads the executions of the pipeline out of SageMaker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from pipeline.errors import UsageError
from pipeline.targets.aws.aws_errors import is_missing, translate_errors
from pipeline.targets.aws.listed_steps import Graph, read_graph
from pipeline.targets.aws.records import AwsExecution, id_of, make_execution

LIST = "python -m pipeline executions --target sagemaker"
START = "Start one with: python -m pipeline run --target sagemaker"
_READERS = 4


class Executions:
    """The executions of one pipeline. `client` is a boto3 SageMaker client.

    `other` is another pipeline, whose executions are found by their ids, too.
    """

    def __init__(self, client: Any, pipeline: str, other: str | None = None) -> None:
        self._client = client
        self._pipeline = pipeline
        self._other = other
        self._known: dict[str, tuple[Graph, list[dict[str, str]]]] = {}

    def summaries(self) -> Iterator[Mapping[str, Any]]:
        """What ListPipelineExecutions says of each, newest first; nothing when the pipeline does not exist yet."""
        with translate_errors(f"Listing the executions of {self._pipeline}"):
            pages = self._client.get_paginator("list_pipeline_executions").paginate(
                PipelineName=self._pipeline,
                SortBy="CreationTime",
                SortOrder="Descending",
                PaginationConfig={"PageSize": 100},
            )
            try:
                for page in pages:
                    yield from page["PipelineExecutionSummaries"]
            except ClientError as error:
                if not is_missing(error):
                    raise

    def arns(self) -> list[str]:
        """The ARNs of all executions, newest first."""
        return [each["PipelineExecutionArn"] for each in self.summaries()]

    def started_as(self, display_name: str) -> str | None:
        """The ARN of the newest execution that was started under this display name; None when there is none."""
        for each in self.summaries():
            if each.get("PipelineExecutionDisplayName") == display_name:
                return str(each["PipelineExecutionArn"])
        return None

    def newest(self, number: int) -> tuple[list[AwsExecution], int]:
        """The newest executions, at most `number`, and how many older ones there are."""
        arns = self.arns()
        with ThreadPoolExecutor(_READERS) as pool:
            return list(pool.map(self.read, arns[:number])), max(0, len(arns) - number)

    def find(self, execution_id: str | None) -> str:
        """The ARN of the execution whose id is or uniquely begins with `execution_id`; None: the newest.

        Raises UsageError when there is none, or more than one.
        """
        arns = self.arns()
        if not arns:
            raise UsageError(f"There is no execution of {self._pipeline} on SageMaker yet. {START}")
        if execution_id is None:
            return arns[0]
        wanted = id_of(execution_id)
        found = [arn for arn in arns if id_of(arn).startswith(wanted)]
        if not found and self._other is not None:
            others = Executions(self._client, self._other).arns()
            found = [arn for arn in others if id_of(arn).startswith(wanted)]
        exact = [arn for arn in found if id_of(arn) == wanted]
        if len(exact or found) == 1:
            return (exact or found)[0]
        problem = f"{len(found)} executions begin with" if found else "no execution is or begins with"
        raise UsageError(
            f"Looking up an execution of {self._pipeline} on SageMaker: {problem} {execution_id!r}. They are "
            f"listed by: {LIST}"
        )

    def read(self, arn: str) -> AwsExecution:
        """The execution as it is now. Raises CredentialsError or AwsError."""
        with translate_errors(f"Reading the execution {id_of(arn)}"):
            return self.read_raw(arn)

    def read_raw(self, arn: str) -> AwsExecution:
        """As `read`, but raises what boto3 raises: for who tries again."""
        client = self._client
        described = client.describe_pipeline_execution(PipelineExecutionArn=arn)
        listed = [
            each
            for page in client.get_paginator("list_pipeline_execution_steps").paginate(
                PipelineExecutionArn=arn, SortOrder="Ascending", PaginationConfig={"PageSize": 100}
            )
            for each in page["PipelineExecutionSteps"]
        ]
        graph, given = self._unchanging(arn)
        return make_execution(described, listed, given, graph)

    def _unchanging(self, arn: str) -> tuple[Graph, list[dict[str, str]]]:
        """The graph and the parameters of an execution, which are asked for once."""
        if arn not in self._known:
            client = self._client
            answer = client.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
            pages = client.get_paginator("list_pipeline_parameters_for_execution").paginate(
                PipelineExecutionArn=arn
            )
            given = [each for page in pages for each in page["PipelineParameters"]]
            self._known[arn] = read_graph(answer["PipelineDefinition"]), given
        return self._known[arn]
