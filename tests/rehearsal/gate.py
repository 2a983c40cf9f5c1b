"""Stands before a stand-in of AWS and has every request decided, as a role's, before it is passed on."""

from __future__ import annotations

import http.client
import io
import json
import re
from collections.abc import Callable, Iterable
from contextlib import closing
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from pipeline.local.endpoint.connection import BODY_READ
from pipeline.local.endpoint.identity import read_form
from pipeline.local.endpoint.routing import error_body, send, signed_service
from pipeline.local.endpoint.server import Server, listen
from pipeline.local.endpoint.wire import ServiceError
from pipeline.local.state.guarded import HEADERS, TARGET
from tests.rehearsal.asking import Ask
from tests.rehearsal.calls import Call, Tags, UnknownCall
from tests.rehearsal.judge import Judge, as_resolved

Environ = dict[str, Any]
TARGETS = {
    "SageMaker": "sagemaker",
    "Logs_20140328": "logs",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
    "ServiceQuotasV20190624": "service-quotas",
    "AWSPriceListService": "pricing",
    "AWSEvents": "events",
    "AnyScaleFrontendService": "application-autoscaling",
}
INVOCATION = re.compile(r"/endpoints/([^/]+)/invocations")
WHOLE_BODY = 16 << 20
# Headers of one connection only.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "server", "date"}


class Gate:
    """`who` asks in the act `act`, both changed by whoever plays; `asked` is all that was asked, in order."""

    def __init__(
        self,
        place: str,
        account: str,
        tags: Tags,
        invoke: Callable[[str, bytes, str], bytes] | None = None,
        who_asks: Callable[[], str] | None = None,
    ) -> None:
        """`place`: where requests are passed on to. `invoke` answers InvokeEndpoint. `who_asks` says `who`."""
        self.act = self.who = ""
        self.judge: Judge | None = None
        self.asked: list[Ask] = []
        self.refused: list[str] = []
        self._account, self._tags, self._invoke, self._who_asks = account, tags, invoke, who_asks
        self._place = urlsplit(place).netloc
        self._server = Server(listen(0), self)
        self.url = self._server.url

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request: refuse it as the service would, or pass it on."""
        try:
            call, body = self._read(environ)
            self._decide(call, environ)
            if call.operation == "InvokeEndpoint" and self._invoke is not None:
                answer = self._invoke(call.arguments["EndpointName"], body, environ.get("CONTENT_TYPE", ""))
                return send(start_response, 200, (answer, "application/json"))
        except ServiceError as error:
            status = 400 if "HTTP_X_AMZ_TARGET" in environ else 403
            return send(start_response, status, error_body(environ, error), code=error.code, close=True)
        return self._pass(environ, start_response)

    def _pass(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Asks the stand-in, and answers as it does. The Host stays as it was asked, for it is signed."""
        chunked = environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH")
        stream, length = environ["wsgi.input"], int(environ.get("CONTENT_LENGTH") or 0)
        body = stream.read() if chunked or environ.get(BODY_READ) else stream.read(length)
        environ[BODY_READ] = True
        kept = [(name, value) for name, value in environ[HEADERS] if name.lower() not in HOP]
        with closing(http.client.HTTPConnection(self._place)) as connection:
            connection.putrequest(
                environ["REQUEST_METHOD"], environ[TARGET], skip_host=True, skip_accept_encoding=True
            )
            for name, value in [*kept, ("Content-Length", str(len(body)))]:
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
        given = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP]
        length_of = (
            answer.getheader("Content-Length") if environ["REQUEST_METHOD"] == "HEAD" else str(len(content))
        )
        start_response(
            f"{answer.status} {answer.reason}",
            [*given, *([("Content-Length", length_of)] if length_of else [])],
        )
        return [content]

    def _read(self, environ: Environ) -> tuple[Call, bytes]:
        target, headers = (
            environ.get("HTTP_X_AMZ_TARGET"),
            {name.lower(): value for name, value in environ[HEADERS]},
        )
        service = signed_service(environ) or "s3"
        if service == "s3":
            return Call("s3", f"{environ['REQUEST_METHOD']} {environ[TARGET]}", headers=headers), b""
        body = environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), WHOLE_BODY))
        environ["wsgi.input"], environ[BODY_READ] = io.BytesIO(body), True
        if target is not None:
            prefix, _, operation = target.rpartition(".")
            return Call(TARGETS.get(prefix, prefix), operation, json.loads(body or b"{}"), headers), body
        if found := INVOCATION.fullmatch(environ["PATH_INFO"]):
            return Call("sagemaker", "InvokeEndpoint", {"EndpointName": found[1]}, headers), body
        form = read_form(body)
        return Call(service, form.get("Action", ""), form, headers), body

    def _decide(self, call: Call, environ: Environ) -> None:
        if self.judge is None:
            return  # before there is a stack, an administrator asks
        who = self.who if self._who_asks is None else self._who_asks()
        given = Call(
            call.service,
            as_resolved(call.operation, self._account),
            as_resolved(dict(call.arguments), self._account),
            as_resolved(dict(call.headers), self._account),
        )
        try:
            asks = [Ask(self.act, who, each) for each in given.asks(self._tags)]
        except UnknownCall as error:
            raise ServiceError("AccessDeniedException", str(error)) from None
        for ask in asks:
            self.asked.append(ask)
            if (why := self.judge.refusal(ask)) is not None:
                self.refused.append(f"{self.act}: {ask}, and is refused: {why}.")
                raise ServiceError(
                    "AccessDenied"
                    if call.service in ("s3", "iam", "cloudformation")
                    else "AccessDeniedException",
                    f"User: {who} is not authorized to perform: {ask.request.action} on resource: "
                    f"{ask.request.resource} because {why}",
                )
