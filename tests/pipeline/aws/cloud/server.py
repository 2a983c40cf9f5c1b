"""An HTTP server that is AWS for a command: what moto cannot do is answered here, everything else by moto."""

from __future__ import annotations

import http.client
import http.server
import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.pipeline.aws.cloud.wire import TARGETS, ServiceError, read_request, write_answer

Answer = Callable[[dict[str, Any]], dict[str, Any]]
# The Host stays as it was asked, because it is part of what is signed.
_HOP = {"connection", "transfer-encoding", "content-length", "expect"}


class CloudServer:
    """Serves on loopback. `answers` are operations by service and name; `forms` by the Action of a form."""

    def __init__(
        self,
        moto: str,
        answers: dict[tuple[str, str], Answer],
        forms: dict[str, Callable[[], str]],
        asked: list[str],
        faults: list[tuple[str, str]],
    ) -> None:
        host = urlsplit(moto).netloc

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.read_body()
                prefix, _, operation = self.headers.get("X-Amz-Target", "").partition(".")
                service = TARGETS.get(prefix, "")
                asked.append(operation or f"{self.command} {self.path}")
                fault = next((each for each in faults if each[0] == operation), None)
                if fault is not None:
                    faults.remove(fault)
                    self.send_error_json(ServiceError(fault[1], f"{fault[1]}, as the test wants it"))
                elif (service, operation) in answers:
                    self.answer(service, operation, body)
                elif action := next((name for name in forms if f"Action={name}&".encode() in body), None):
                    self.send_body(200, forms[action]().encode(), "text/xml")
                else:
                    self.forward(body)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815

            def answer(self, service: str, operation: str, body: bytes) -> None:
                try:
                    request = read_request(service, operation, body)
                    content = write_answer(service, operation, answers[service, operation](request))
                except ServiceError as error:
                    self.send_error_json(error)
                else:
                    self.send_body(200, content, "application/x-amz-json-1.1")

            def send_error_json(self, error: ServiceError) -> None:
                content = json.dumps({"__type": error.code, "message": str(error)}).encode()
                self.send_body(400, content, "application/x-amz-json-1.1")

            def send_body(self, status: int, content: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def read_body(self) -> bytes:
                if "chunked" in self.headers.get("Transfer-Encoding", ""):
                    content = b""
                    while size := int(self.rfile.readline().strip() or b"0", 16):
                        content += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                    return content
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def forward(self, body: bytes) -> None:
                connection = http.client.HTTPConnection(host)
                kept = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
                connection.request(self.command, self.path, body, kept)
                answer = connection.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
                self.send_header("Content-Length", length or "0")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)
                connection.close()

            def log_message(self, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
