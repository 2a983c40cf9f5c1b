"""Signatures are checked as AWS checks them: botocore's own signers are the reference."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import (
    HmacV1Auth,
    HmacV1QueryAuth,
    S3SigV4Auth,
    S3SigV4QueryAuth,
    SigV4Auth,
    SigV4QueryAuth,
)
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.utils import normalize_url_path, percent_encode, percent_encode_sequence
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.local.state.canonical_requests import RawRequest
from pipeline.local.state.credentials import Credentials, new_credentials
from pipeline.local.state.signature_claims import Fault, SignatureRefused
from pipeline.local.state.signatures import Verifier

KEY = new_credentials()
HOST = "127.0.0.1:5000"
SIGNERS = {"s3": S3SigV4Auth, "sagemaker": SigV4Auth}
PRESIGNERS = {"s3": S3SigV4QueryAuth, "sagemaker": SigV4QueryAuth}

# Whatever a key or a parameter can hold, with what is special more often than chance has it.
SPECIAL = [
    "/",
    "//",
    ".",
    "..",
    "+",
    " ",
    "%",
    "%2F",
    "~",
    "=",
    "&",
    "?",
    "#",
    "*",
    "é",
    "日本",
    "\U0001f600",
    ";",
    ":",
]
odd = st.lists(
    st.sampled_from(SPECIAL) | st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=3),
    max_size=6,
).map("".join)
parameters = st.lists(st.tuples(odd.filter(bool), odd), max_size=4)
header_names = st.sampled_from(["Content-Type", "x-amz-meta-a", "X-Amz-Meta-B", "Range"])
header_text = st.text(st.sampled_from("ab \t,;=\"'/:-_1"), max_size=12).map(lambda text: text.strip(" \t"))
headers = st.lists(st.tuples(header_names, header_text), max_size=4)
methods = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"])
services = st.sampled_from(["s3", "sagemaker"])


def signed(
    signer: Any,
    service: str,
    method: str = "PUT",
    key: str = "bucket/key",
    params: Any = (),
    extra: Any = (),
    body: bytes = b"",
    credentials: Credentials = KEY,
    **options: Any,
) -> RawRequest:
    """The request as botocore signs it and sends it."""
    url = f"http://{HOST}/{percent_encode(key, safe='/~')}"
    query = percent_encode_sequence(list(params))
    presigned = signer in PRESIGNERS.values()
    request = AWSRequest(
        method=method, url=f"{url}?{query}" if query else url, data=b"" if presigned else body
    )
    for name, value in extra:
        request.headers.add_header(name, value)
    given = BotocoreCredentials(credentials.access_key, credentials.secret_key)
    signer(given, service, "us-east-1", **options).add_auth(request)
    return wire(request)


def wire(request: AWSRequest) -> RawRequest:
    """What arrives of a request: texts of one character a byte."""
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    # Not the prepared headers, which are a dictionary: of repeated ones it holds the last.
    lines = [("Host", parts.netloc), *request.headers.items()]
    pairs = [(name, value if isinstance(value, str) else value.decode("latin-1")) for name, value in lines]
    return RawRequest(str(request.method), target, pairs)


def fault(
    request: RawRequest, body: Callable[[], bytes] | bytes = b"", verifier: Verifier | None = None
) -> tuple[Fault, str]:
    with pytest.raises(SignatureRefused) as refused:
        (verifier or Verifier(KEY)).check(request, body if callable(body) else lambda: body)
    assert KEY.secret_key not in str(refused.value)
    return refused.value.fault, str(refused.value)


def changed_headers(request: RawRequest, **changes: str | None) -> RawRequest:
    """The request with headers replaced, or left out where None; "_" in a name stands for "-"."""
    new = {name.replace("_", "-"): value for name, value in changes.items()}
    kept = [(name, value) for name, value in request.headers if name.lower() not in new]
    return RawRequest(
        request.method, request.target, [*kept, *((n, v) for n, v in new.items() if v is not None)]
    )


@settings(max_examples=300, deadline=None)
@given(services, methods, odd, parameters, headers, st.binary(max_size=20))
def test_whatever_botocore_signs_is_genuine(
    service: str, method: str, key: str, params: Any, extra: Any, body: bytes
) -> None:
    request = signed(SIGNERS[service], service, method, key, params, extra, body)
    assert Verifier(KEY).check(request, lambda: body) == service


@settings(max_examples=200, deadline=None)
@given(services, odd, st.dictionaries(odd.filter(bool), odd, max_size=3), headers)
def test_whatever_botocore_presigns_is_genuine(service: str, key: str, params: Any, extra: Any) -> None:
    request = signed(PRESIGNERS[service], service, "GET", key, params.items(), extra, expires=60)
    assert Verifier(KEY).check(request, lambda: b"") == service


PLACES = st.sampled_from(["method", "target", "header", "body"])
REQUESTS = st.tuples(services, methods, odd, parameters, headers, st.binary(min_size=1, max_size=20))


@settings(max_examples=500, deadline=None)
@given(REQUESTS, PLACES, st.integers(min_value=0), st.integers(33, 126), st.booleans())
def test_a_changed_byte_is_refused_wherever_it_is(
    parts: Any, place: str, number: int, byte: int, query: bool
) -> None:
    service, method, key, params, extra, body = parts
    signer = (PRESIGNERS if query and place != "body" else SIGNERS)[service]
    if signer in PRESIGNERS.values():
        params = dict(params).items()  # botocore presigns no repeated parameter
    request = signed(signer, service, method, key, params, extra, body)

    def change(text: str) -> str:
        assume(text)
        at = number % len(text)
        changed = text[:at] + chr(byte) + text[at + 1 :]
        assume(changed != text)
        return changed

    method, target, lines = request.method, request.target, list(request.headers)
    if place == "method":
        method = change(method)
    elif place == "target":
        target = change(target)
        assume(meaning(target, service) != meaning(request.target, service))
    elif place == "header":
        authorization = dict(request.values()).get("authorization", [""])[0]
        names = authorization.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        signed_lines = [at for at, (name, _) in enumerate(lines) if name.lower() in (*names, "host")]
        at = signed_lines[number % len(signed_lines)]
        name, value = lines[at]
        lines[at] = (name, change(value))
        assume(lines[at][1].split() != value.split())
    else:
        body = change(body.decode("latin-1")).encode("latin-1")
    fault(RawRequest(method, target, lines), body)


def meaning(target: str, service: str) -> Any:
    """What a target says, whichever way it is written."""
    path, _, query = target.partition("?")
    pairs = sorted(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)), query.count("&")
    return (path if service == "s3" else normalize_url_path(path)), pairs


def test_another_secret_or_another_key_is_refused() -> None:
    stranger = new_credentials()
    for service in SIGNERS:
        told = signed(SIGNERS[service], service, credentials=stranger)
        kind, message = fault(told)
        assert kind is Fault.UNKNOWN_KEY
        assert stranger.access_key in message
        guessed = Credentials(KEY.access_key, stranger.secret_key)
        kind, message = fault(signed(SIGNERS[service], service, credentials=guessed))
        assert kind is Fault.MISMATCH
        assert "AWS_*" in message


def test_a_key_alone_is_no_signature() -> None:
    request = signed(S3SigV4Auth, "s3")
    for signature in ("", "0" * 64, "é" * 64):
        authorization = request.values()["authorization"][0].rpartition("=")[0] + f"={signature}"
        assert fault(changed_headers(request, authorization=authorization))[0] is Fault.MISMATCH
    assert fault(changed_headers(request, authorization=None))[0] is Fault.MISSING


def test_a_strangers_body_is_not_even_read() -> None:
    def read() -> bytes:
        raise AssertionError("read")

    for service in SIGNERS:
        fault(signed(SIGNERS[service], service, credentials=new_credentials(), body=b"x"), read)
    wrong = Credentials(KEY.access_key, "wrong")
    fault(signed(S3SigV4Auth, "s3", credentials=wrong, body=b"x"), read)


def test_a_body_that_is_not_signed_is_taken_and_not_read_twice() -> None:
    options: dict[str, Any] = {"extra": [("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")]}
    request = signed(SigV4Auth, "s3", body=b"content", **options)
    assert Verifier(KEY).check(request, lambda: b"another") == "s3"


@pytest.mark.parametrize("kind", ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_a_body_in_signed_chunks_is_refused_by_name(kind: str) -> None:
    refused = fault(signed(SigV4Auth, "s3", extra=[("X-Amz-Content-SHA256", kind)]))
    assert refused[0] is Fault.UNSUPPORTED
    assert kind in refused[1]
    assert "AWS_REQUEST_CHECKSUM_CALCULATION=when_required" in refused[1]


@pytest.mark.parametrize("signer", [HmacV1Auth, HmacV1QueryAuth])
def test_signature_version_2_is_refused_with_what_to_do(signer: Any) -> None:
    request = AWSRequest("GET", f"http://{HOST}/bucket/key", auth_path="/bucket/key")
    signer(BotocoreCredentials(KEY.access_key, KEY.secret_key)).add_auth(request)
    refused = fault(wire(request))
    assert refused[0] is Fault.UNSUPPORTED
    assert 'Config(signature_version="s3v4")' in refused[1]


def test_the_date_may_be_in_the_header_date() -> None:
    request = signed(SigV4Auth, "sagemaker", extra=[("Date", "is replaced")])
    assert "x-amz-date" not in request.values()
    assert Verifier(KEY).check(request, lambda: b"") == "sagemaker"


def clocks(wall: list[float], steady: list[float]) -> Verifier:
    return Verifier(KEY, lambda: wall[0], lambda: steady[0])


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_request_of_another_quarter_of_an_hour_is_refused(minutes: int) -> None:
    now = time.time() + 60 * minutes
    refused = fault(signed(S3SigV4Auth, "s3"), verifier=clocks([now], [0.0]))
    assert refused[0] is Fault.SKEWED
    assert "Set the clock" in refused[1]
    assert clocks([time.time() + 60 * (minutes - 2 * minutes // abs(minutes))], [0.0]).check(
        signed(S3SigV4Auth, "s3"), lambda: b""
    )


@pytest.mark.parametrize("jump", [-86400.0, 86400.0])
def test_a_request_that_is_on_its_way_when_the_clock_is_set_is_genuine(jump: float) -> None:
    wall, steady = [time.time() - 100], [50.0]
    verifier = clocks(wall, steady)
    before = signed(S3SigV4Auth, "s3")
    steady[0] += 100
    wall[0] += 100 + jump
    assert verifier.check(before, lambda: b"") == "s3"
    # What is signed by the new clock is, too; what is an hour old by both is not.
    wall[0] -= jump
    assert verifier.check(before, lambda: b"") == "s3"
    steady[0] += 3600
    wall[0] += 3600 + jump
    assert fault(before, verifier=verifier)[0] is Fault.SKEWED


def test_a_presigned_url_lasts_as_long_as_it_says() -> None:
    request = signed(S3SigV4QueryAuth, "s3", "GET", expires=100)
    assert clocks([time.time() + 95], [0.0]).check(request, lambda: b"") == "s3"
    refused = fault(request, verifier=clocks([time.time() + 105], [0.0]))
    assert refused[0] is Fault.EXPIRED
    assert "expired" in refused[1]
    assert fault(request, verifier=clocks([time.time() - 1000], [0.0]))[0] is Fault.EXPIRED


@pytest.mark.parametrize("expires", ["0", "-1", "604801", "", "1e3", "²"])
def test_a_presigned_url_cannot_last_for_ever(expires: str) -> None:
    assert fault(signed(S3SigV4QueryAuth, "s3", "GET", expires=expires))[0] is Fault.MALFORMED


def test_every_header_that_s3_obeys_must_be_signed_and_every_signed_header_there() -> None:
    request = signed(S3SigV4Auth, "s3", extra=[("x-amz-meta-a", "1")])
    added = RawRequest(
        request.method, request.target, [*request.headers, ("x-amz-copy-source", "/other/key")]
    )
    assert "x-amz-copy-source" in fault(added)[1]
    assert "x-amz-meta-a" in fault(changed_headers(request, x_amz_meta_a=None))[1]
    twice = RawRequest(request.method, request.target, [*request.headers, ("Host", HOST)])
    assert fault(twice)[0] is Fault.MALFORMED


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("authorization", "Bearer x", "Bearer"),
        ("authorization", "AWS4-ECDSA-P256-SHA256 Credential=x", "AWS4-ECDSA-P256-SHA256"),
        ("authorization", "", "AWS4-HMAC-SHA256"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=a/20261130/r/s3/aws4_request", "SignedHeaders"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0", "KEY/DATE"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=a/20261130/../s3/aws4 request, SignedHeaders=host, Signature=0",
            "KEY/DATE",
        ),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=a/19991231/r/s3/aws4_request, SignedHeaders=host, Signature=0",
            "date",
        ),
        ("x_amz_date", "yesterday", "yesterday"),
        ("x_amz_date", "20261399T000000Z", "20261399T000000Z"),
        ("x_amz_date", None, "when"),
        ("x_amz_content_sha256", "abc", "abc"),
    ],
)
def test_what_is_no_signature_is_refused_by_name(name: str, value: str | None, named: str) -> None:
    refused = fault(changed_headers(signed(S3SigV4Auth, "s3"), **{name: value}))
    assert refused[0] in (Fault.MALFORMED, Fault.UNSUPPORTED)
    assert named in refused[1]
    assert refused[1].isprintable()


def test_a_request_that_is_signed_twice_is_refused() -> None:
    request = signed(S3SigV4Auth, "s3")
    both = RawRequest(request.method, request.target + "?X-Amz-Signature=0", request.headers)
    assert "twice" in fault(both)[1]
    again = [*request.headers, ("Authorization", request.values()["authorization"][0])]
    assert "twice" in fault(RawRequest(request.method, request.target, again))[1]


def test_a_secret_is_shown_nowhere() -> None:
    assert KEY.secret_key not in repr(KEY)
    assert KEY.masked(f"a {KEY.secret_key} b") == "a ******** b"
    others = {new_credentials() for _ in range(50)}
    assert len({key.access_key for key in others} | {key.secret_key for key in others}) == 100
