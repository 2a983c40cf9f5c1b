"""Asks a server with TensorFlow Serving's REST API at its address, and takes no answer without an end."""

from __future__ import annotations

import base64
import http.client
import socket
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from pipeline.errors import UsageError
from pipeline.inference.serving.answers import AskingFailed, message_of
from pipeline.printable import printable

JSON = "application/json"
MAX_ANSWER_BYTES = 8 << 20  # of 500 images; an answer has some 400 bytes for each
WAIT_SECONDS = 70.0  # for the whole answer; a SageMaker endpoint answers within 60, or not at all


@dataclass(frozen=True)
class Server:
    """A server with TensorFlow Serving's REST API. `url` is where a POST predicts, without user and password.

    `login`, "user:password", is sent as HTTP's Basic authentication.
    """

    url: str
    login: str | None = field(default=None, repr=False)
    seconds: float = WAIT_SECONDS

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
                f"The address of a server must be one such as http://127.0.0.1:8501, not {_shown(url)!r}."
            )
        login, _, host = parts.netloc.rpartition("@")
        parts = parts._replace(netloc=host, fragment="")
        if parts.path in ("", "/"):
            parts = parts._replace(path=f"/v1/models/{urllib.parse.quote(model)}:predict")
        return cls(urllib.parse.urlunsplit(parts), urllib.parse.unquote(login) or None)

    def ask(self, body: bytes) -> bytes:
        """The answer of the server. Raises AskingFailed."""
        doing = f"Asking {printable(self.url)}"
        try:
            # No proxies: what they would be asked for is, as a rule, on this machine. And no redirections: a
            # redirected POST would become a GET somewhere else.
            with self._connected() as connection:
                connection.request("POST", self._target(), body, self._headers())
                with connection.getresponse() as answer:
                    content = answer.read(MAX_ANSWER_BYTES + 1)
                    missing = answer.length
        except _TooLate as error:
            raise AskingFailed(
                f"{doing}: there was no answer, or only a part of one, within {self.seconds:g} s. Ask again, "
                "or check the address."
            ) from error
        except (ConnectionResetError, BrokenPipeError) as error:
            raise AskingFailed(
                f"{doing}: the connection was lost: {printable(str(error))}. Check the address, and that "
                "server's log."
            ) from error
        except (OSError, ValueError) as error:  # refused, away, no name
            raise AskingFailed(
                f"{doing}: no server answers there: {printable(str(error)) or type(error).__name__}. Start "
                "one with: python -m pipeline serve"
            ) from error
        except http.client.HTTPException as error:
            raise AskingFailed(
                f"{doing}: the answer is not HTTP: {type(error).__name__} {printable(str(error))[:200]}. "
                "Check the address."
            ) from error
        if len(content) > MAX_ANSWER_BYTES:
            raise AskingFailed(
                f"{doing}: the answer has more than {MAX_ANSWER_BYTES:,} bytes. Check the address."
            )
        if missing:
            raise AskingFailed(
                f"{doing}: the answer was cut off after {len(content):,} of {len(content) + missing:,} "
                "bytes. Ask again; if it keeps happening, look at that server's log."
            )
        if 300 <= answer.status < 400:
            there = answer.headers.get("Location")
            place = f"to {_shown(there)}" if there else "to nowhere"
            raise AskingFailed(
                f"{doing}: the answer is a redirection (status {answer.status}) {place}, which is not "
                "followed. If that is the server you mean, name its address."
            )
        if answer.status != 200:
            raise AskingFailed(
                f"{doing}: the server refused, with status {answer.status}: {message_of(content)}. Check the "
                "address, and that the model there takes images (uint8, N×28×28)."
            )
        return content

    def _target(self) -> str:
        """Path and query, with what is not ASCII encoded."""
        parts = urllib.parse.urlsplit(self.url)
        whole = urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))
        return urllib.parse.quote(whole, safe="/:?&=%+~!$'()*,;@[]")

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": JSON, "Accept": JSON, "Connection": "close"}
        if self.login is not None:
            headers["Authorization"] = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        return headers

    @contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        """A connection that is ended after `seconds`, however little arrives at a time. Raises _TooLate."""
        parts = urllib.parse.urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self.seconds)
        late = threading.Event()
        try:
            connection.connect()
            plug = connection.sock  # the connection forgets it when the answer is the last

            def end() -> None:
                late.set()
                with suppress(OSError):
                    plug.shutdown(socket.SHUT_RDWR)

            timer = threading.Timer(self.seconds, end)
            timer.daemon = True
            timer.start()
            try:
                yield connection
            finally:
                timer.cancel()
            if late.is_set():
                raise _TooLate
        except TimeoutError as error:
            raise _TooLate from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            if late.is_set():
                raise _TooLate from error
            raise
        finally:
            connection.close()


class _TooLate(Exception):
    """The time for an answer is up."""


def _shown(url: str) -> str:
    """An address for a message. One that is none may have its password anywhere before the last @."""
    login, separator, rest = url.rpartition("@")
    scheme, follows, _ = login.partition("://")
    return printable(f"{scheme + follows if follows else ''}…@{rest}" if separator else url)[:200]
