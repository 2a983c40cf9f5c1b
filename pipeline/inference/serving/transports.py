"""Ways to ask a model: at a server's address, or by a SageMaker endpoint's name. Both speak the same JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from botocore.exceptions import ClientError

from pipeline.inference.serving.answers import AskingFailed, message_of
from pipeline.inference.serving.http_server import JSON, MAX_ANSWER_BYTES, Server
from pipeline.targets.aws.aws_errors import AWS_ERRORS, code_of, explain

__all__ = ["AskingFailed", "Endpoint", "Server", "Transport"]


class Transport(Protocol):
    """Sends the body of a request to a model, and returns the body of its answer."""

    @property
    def name(self) -> str:
        """Who is asked."""
        ...

    def ask(self, body: bytes) -> bytes:
        """The answer. Raises AskingFailed, CredentialsError or AwsError."""
        ...


@dataclass(frozen=True)
class Endpoint:
    """A SageMaker endpoint. `client` is a boto3 client of sagemaker-runtime."""

    client: Any
    endpoint: str

    @property
    def name(self) -> str:
        """Who is asked."""
        return f"endpoint {self.endpoint}"

    def ask(self, body: bytes) -> bytes:
        """The answer of the endpoint (API reference, InvokeEndpoint)."""
        doing = f"Asking the endpoint {self.endpoint}"
        try:
            answer = self.client.invoke_endpoint(
                EndpointName=self.endpoint, ContentType=JSON, Accept=JSON, Body=body
            )
            content: bytes = answer["Body"].read(MAX_ANSWER_BYTES + 1)
        except ClientError as error:
            self._refuse(doing, error)
        except AWS_ERRORS as error:
            raise explain(error, doing) from error
        if len(content) > MAX_ANSWER_BYTES:
            raise AskingFailed(
                f"{doing}: the answer has more than {MAX_ANSWER_BYTES:,} bytes. Is it a model of this "
                "pipeline?"
            )
        return content

    def _refuse(self, doing: str, error: ClientError) -> NoReturn:
        said = str(error)
        if code_of(error) == "ModelError":
            status = error.response.get("OriginalStatusCode", "?")
            original = message_of(str(error.response.get("OriginalMessage", "")).encode())
            raise AskingFailed(
                f"{doing}: its model failed with status {status}: {original}. Its log is in CloudWatch, log "
                f"group /aws/sagemaker/Endpoints/{self.endpoint}."
            ) from error
        if code_of(error) == "ValidationError" and "not found" in said.lower():
            raise AskingFailed(
                f"{doing}: there is no such endpoint in this account and region. See which there are (aws "
                "sagemaker list-endpoints) and name one with --endpoint; if there is none yet, make one, "
                "which costs money, with: python -m pipeline deploy"
            ) from error
        if code_of(error) == "ModelNotReadyException":
            raise AskingFailed(f"{doing}: its model is not ready: {said}. Ask again in a minute.") from error
        raise explain(error, doing) from error
