"""Who is answered by whom: a stranger's request for S3 neither starts moto nor waits for it."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.local.endpoint.connection import MAKE_WAY
from pipeline.local.endpoint.passing import Passing
from pipeline.local.endpoint.routing import Router
from pipeline.local.endpoint.switches import Switches
from pipeline.local.state.credentials import new_credentials
from pipeline.local.state.guarded import HEADERS, TARGET
from pipeline.local.state.signatures import Verifier


def no_moto() -> str:
    raise AssertionError("moto is asked for")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "POST"])
@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ([], "The request is not signed"),
        ([("Origin", "http://elsewhere.example")], "pages of other sites"),
        ([("Host", "elsewhere.example")], "elsewhere.example is not one of"),
        (
            [("Authorization", "AWS4-HMAC-SHA256 Credential=A/20261130/us-east-1/s3/aws4_request")],
            "Signature",
        ),
        ([("Authorization", "AWS A:b")], "Signature Version 2"),
    ],
    ids=["unsigned", "page", "rebound", "half signed", "version 2"],
)
def test_a_stranger_is_refused_at_once(method: str, headers: list[tuple[str, str]], said: str) -> None:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "PATH_INFO": "/bucket/key", "QUERY_STRING": "", TARGET: "/bucket/key",
        HEADERS: headers, MAKE_WAY: lambda: None,
        **{f"HTTP_{name.upper()}": value for name, value in headers},
    }  # fmt: skip
    router = Router(
        Verifier(new_credentials()), frozenset(), lambda *asked: b"", {}, Passing(no_moto), Switches()
    )
    started: list[str] = []
    content = b"".join(router(environ, lambda status, headers: started.append(status)))
    assert started[0][:3] in ("400", "403")
    assert said in content.decode().replace("'", "&apos;")
