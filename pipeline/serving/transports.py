"""Ways to ask a model: at a server's address, or by a SageMaker endpoint's name. Both speak the same JSON."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.aws.plain_words import code_of, explain
from pipeline.errors import FashionError, UsageError
from pipeline.printable import printable

JSON = "application/json"
MAX_ANSWER_BYTES = 64 << 20
WAIT_SECONDS = 70.0  # a SageMaker endpoint answers within 60, or not at all
_SHOWN = 500  # characters of a message that came from elsewhere


class AskingFailed(FashionError):
    """A model could not be asked, or answered with an error; the message says who, what, and what to do."""


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
class Server:
    """A server with TensorFlow Serving's REST API. `url` is where a POST predicts."""

    url: str

    @property
    def name(self) -> str:
        """Who is asked."""
        return self.url

    @classmethod
    def at(cls, url: str, model: str) -> Server:
        """The server at `url`; one without a path gets the path of the model called `model`.

        Raises UsageError when it is no http:// or https:// address.
        """
        try:
            parts = urllib.parse.urlsplit(url)
            valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            valid = False
        if not valid or any(character.isspace() or not character.isprintable() for character in url):
            raise UsageError(
                "Choosing a server to ask: expected an address such as http://127.0.0.1:8501. "
                f"Received: {printable(url)!r}."
            )
        if parts.path in ("", "/"):
            parts = parts._replace(path=f"/v1/models/{urllib.parse.quote(model)}:predict", fragment="")
        return cls(urllib.parse.urlunsplit(parts))

    def ask(self, body: bytes) -> bytes:
        """The answer of the server."""
        request = urllib.request.Request(self.url, body, {"Content-Type": JSON, "Accept": JSON})
        # No proxies: what they would be asked for is, as a rule, on this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)
        doing = f"Asking {printable(self.url)}"
        try:
            with opener.open(request, timeout=WAIT_SECONDS) as answer:
                content: bytes = answer.read(MAX_ANSWER_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                said = _message(error.read(MAX_ANSWER_BYTES))
            raise AskingFailed(
                f"{doing}: expected an answer. Received: status {error.code}: {said}. Check the address, and that "
                "the model there takes images (uint8, N×28×28)."
            ) from error
        except (OSError, ValueError) as error:  # refused, away, too slow, no HTTP
            reason = getattr(error, "reason", None) or error
            raise AskingFailed(
                f"{doing}: expected a server there. Received: {printable(str(reason))}. Start one with: "
                "python -m pipeline serve"
            ) from error
        except http.client.HTTPException as error:
            raise AskingFailed(
                f"{doing}: expected an HTTP answer. Received: {type(error).__name__} {printable(str(error))}. "
                "Check the address."
            ) from error
        if len(content) > MAX_ANSWER_BYTES:
            raise AskingFailed(
                f"{doing}: expected an answer of at most {MAX_ANSWER_BYTES:,} bytes. Received: more. Check the "
                "address."
            )
        return content


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
            content: bytes = answer["Body"].read()
        except ClientError as error:
            self._refuse(doing, error)
        except BotoCoreError as error:
            raise explain(error, doing) from error
        return content

    def _refuse(self, doing: str, error: ClientError) -> NoReturn:
        said = str(error)
        if code_of(error) == "ModelError":
            status = error.response.get("OriginalStatusCode", "?")
            original = _message(str(error.response.get("OriginalMessage", "")).encode())
            raise AskingFailed(
                f"{doing}: expected an answer of its model. Received: status {status}: {original}. Its log is in "
                f"CloudWatch, log group /aws/sagemaker/Endpoints/{self.endpoint}."
            ) from error
        if code_of(error) == "ValidationError" and "not found" in said.lower():
            raise AskingFailed(
                f"{doing}: expected an endpoint that is in service. Received: there is none of that name in this "
                "account and region. See which there are (aws sagemaker list-endpoints) and name one with "
                "--endpoint; if there is none yet, make one, which costs money, with: python -m pipeline deploy"
            ) from error
        if code_of(error) == "ModelNotReadyException":
            raise AskingFailed(
                f"{doing}: expected a model that is ready. Received: {said}. Ask again in a minute."
            ) from error
        raise explain(error, doing) from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET somewhere else."""

    def redirect_request(self, *args: Any, **more: Any) -> None:
        """Follows none: the redirection is shown as the error that it is here."""


def _message(content: bytes) -> str:
    """The "error" of an answer, or its text, on one line."""
    text = content.decode(errors="replace")
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict) and isinstance(document.get("error"), str):
        text = document["error"]
    return printable(text[:_SHOWN]).strip() or "no reason"
