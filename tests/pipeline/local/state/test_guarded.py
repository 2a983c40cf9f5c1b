"""The local AWS answers its own run's signed requests, and nobody else's."""

from __future__ import annotations

import http.client
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.exceptions import ClientError

from pipeline.local.state.clients import CONFIG
from pipeline.local.state.credentials import Credentials, new_credentials
from pipeline.local.state.isolation import NOBODY
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

Answer = tuple[int, http.client.HTTPMessage, bytes]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    home = Home.open(tmp_path_factory.mktemp("state"))
    with Store(home) as store, LocalAws(home, store) as aws:
        aws.client("s3").put_object(Bucket=aws.BUCKET, Key="kept", Body=b"as it was")
        yield aws


def client(aws: LocalAws, service: str, credentials: Credentials, **options: Any) -> Any:
    return boto3.client(
        service,
        endpoint_url=aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        config=CONFIG.merge(Config(retries={"total_max_attempts": 1}, **options)),
    )


def signed_headers(
    aws: LocalAws, method: str, path: str, body: bytes = b"", service: str = "s3", **headers: str
) -> dict[str, str]:
    """The headers of a request that the run's own key signed."""
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest(method, aws.endpoint_url + path, headers=lines, data=body)
    key = BotocoreCredentials(aws.credentials.access_key, aws.credentials.secret_key)
    (S3SigV4Auth if service == "s3" else SigV4Auth)(key, service, "us-east-1").add_auth(request)
    return dict(request.headers.items())


def ask(
    aws: LocalAws, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
) -> Answer:
    connection = http.client.HTTPConnection(aws.endpoint_url.removeprefix("http://"), timeout=20)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


ODD_KEYS = [
    "plain", "a b", "a+b", "a%2Fb", "é/日本/\U0001f600", "a//b", "/a", "a/", "a/./b", "a/../b", "..", "a?b=c",
    "a&b;c=d", "~", "*'()!", "#", "a:b@c", "%", "moto-api/reset",
]  # fmt: skip


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_object_of_any_name_is_written_read_listed_and_removed(aws: LocalAws, key: str) -> None:
    s3 = aws.client("s3")
    where = {"Bucket": aws.BUCKET, "Key": f"odd/{key}"}
    s3.put_object(**where, Body=key.encode(), Metadata={"a_b": "x  y"}, ContentType="text/plain; a=b")
    answer = s3.get_object(**where)
    assert (answer["Body"].read(), answer["Metadata"]) == (key.encode(), {"a_b": "x  y"})
    listed = s3.list_objects_v2(Bucket=aws.BUCKET, Prefix=f"odd/{key}")["Contents"]
    assert [item["Key"] for item in listed] == [f"odd/{key}"]
    s3.copy_object(Bucket=aws.BUCKET, Key="copy", CopySource=where)
    s3.delete_objects(Bucket=aws.BUCKET, Delete={"Objects": [{"Key": f"odd/{key}"}]})
    with pytest.raises(ClientError, match="404"):
        s3.head_object(**where)


def test_an_upload_in_parts_and_a_large_one_are_taken_whole(aws: LocalAws) -> None:
    s3 = aws.client("s3")
    upload = s3.create_multipart_upload(Bucket=aws.BUCKET, Key="parts")["UploadId"]
    where = {"Bucket": aws.BUCKET, "Key": "parts", "UploadId": upload}
    pieces = [b"a" * (5 << 20), b"b" * 10]
    parts = [
        {"ETag": s3.upload_part(**where, PartNumber=number, Body=piece)["ETag"], "PartNumber": number}
        for number, piece in enumerate(pieces, 1)
    ]
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=aws.BUCKET, Key="parts")["Body"].read() == b"".join(pieces)


def test_the_client_is_told_at_once_to_go_on_with_its_body(aws: LocalAws) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=aws.BUCKET, Key="warm", Body=b"")
    began = time.monotonic()
    for _ in range(3):
        s3.put_object(Bucket=aws.BUCKET, Key="warm", Body=b"x")
    # boto3 waits a second for "100 Continue".
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize(
    ("service", "call", "unknown", "mismatch"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
        ("sagemaker", "list_models", "UnrecognizedClientException", "InvalidSignatureException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("iam", "list_roles", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("logs", "describe_log_groups", "UnrecognizedClientException", "InvalidSignatureException"),
    ],
)
def test_a_client_reads_what_is_wrong_with_its_key(
    aws: LocalAws, service: str, call: str, unknown: str, mismatch: str
) -> None:
    stranger = new_credentials()
    guess = Credentials(aws.credentials.access_key, stranger.secret_key)
    for credentials, code in ((stranger, unknown), (NOBODY, unknown), (guess, mismatch)):
        with pytest.raises(ClientError) as refused:
            getattr(client(aws, service, credentials), call)()
        assert refused.value.response["Error"]["Code"] == code
        assert "what AWS_* variables a job has" in refused.value.response["Error"]["Message"]
        assert aws.credentials.secret_key not in str(refused.value.response)
    getattr(client(aws, service, aws.credentials), call)()


def test_a_presigned_url_opens_its_object_alone_and_for_its_time(aws: LocalAws) -> None:
    s3 = client(aws, "s3", aws.credentials, signature_version="s3v4")
    url = s3.generate_presigned_url("get_object", {"Bucket": aws.BUCKET, "Key": "kept"}, ExpiresIn=60)
    assert urllib.request.urlopen(url).read() == b"as it was"
    for other in (url.replace("/kept?", "/other?"), url.replace("Expires=60", "Expires=90")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(other)
        assert b"<Code>SignatureDoesNotMatch</Code>" in refused.value.read()
    old = client(aws, "s3", aws.credentials).generate_presigned_url(
        "get_object", {"Bucket": aws.BUCKET, "Key": "kept"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(old)
    assert b"s3v4" in refused.value.read()


def test_who_does_not_sign_gets_nothing(aws: LocalAws) -> None:
    target = "/" + aws.BUCKET
    requests = (
        ("GET", "/"), ("GET", f"{target}/kept"), ("PUT", f"{target}/kept"), ("DELETE", f"{target}/kept"),
        ("POST", f"{target}?delete"), ("OPTIONS", target), ("HEAD", target),
    )  # fmt: skip
    for method, path in requests:
        status, headers, body = ask(aws, method, path, {}, b"" if method == "PUT" else None)
        assert status == 403
        assert "as it was" not in body.decode()
        assert method == "HEAD" or b"<Code>AccessDenied</Code><Message>The request is not signed" in body
    status, headers, body = ask(aws, "POST", "/", {"X-Amz-Target": "SageMaker.ListModels"}, b"{}")
    assert (status, json.loads(body)["__type"]) == (403, "MissingAuthenticationTokenException")
    assert headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    # Any key will do for moto itself.
    status, _, body = ask(
        aws, "GET", "/", {"Authorization": "AWS4-HMAC-SHA256 Credential=a/20261130/us-east-1/s3/aws4_request"}
    )
    assert status == 400
    assert aws.client("s3").get_object(Bucket=aws.BUCKET, Key="kept")["Body"].read() == b"as it was"


MOTO_PAGES = [
    "/moto-api/", "/moto-api/data.json", "/moto-api/reset", "/%6Doto-api/reset", "//moto-api/reset", "/moto-apix",
    "/favicon.ico", "/latest/meta-data/iam", "/latest/api/token",
]  # fmt: skip


@pytest.mark.parametrize("path", MOTO_PAGES)
def test_motos_own_pages_are_closed_even_to_the_run_itself(aws: LocalAws, path: str) -> None:
    for method in ("GET", "POST"):
        for headers in ({}, signed_headers(aws, method, path)):
            status, _, body = ask(aws, method, path, headers)
            assert status == 403
            assert b"is closed" in body
    assert aws.client("s3").get_object(Bucket=aws.BUCKET, Key="kept")["Body"].read() == b"as it was"


def test_a_page_in_a_browser_is_refused_even_with_a_signature_and_is_never_let_in(aws: LocalAws) -> None:
    path = f"/{aws.BUCKET}/kept"
    host = aws.endpoint_url.removeprefix("http://")
    for extra in (
        {"Origin": "http://page.example"},
        {"Origin": "null"},
        {"Origin": f"http://{host}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "page.example"},
        {"Host": f"page.example:{host.partition(':')[2]}"},
    ):
        for method in ("GET", "OPTIONS", "PUT"):
            headers = signed_headers(aws, method, path, b"", "s3", **extra)
            status, answered, _ = ask(aws, method, path, headers)
            assert status == 403, extra
            assert not [name for name in answered if name.lower().startswith("access-control")]
    status, answered, body = ask(aws, "GET", path, signed_headers(aws, "GET", path))
    assert (status, body) == (200, b"as it was")
    assert not [name for name in answered if name.lower().startswith("access-control")]


def test_it_answers_to_localhost_too(aws: LocalAws) -> None:
    path = f"/{aws.BUCKET}/kept"
    name = aws.endpoint_url.removeprefix("http://").replace("127.0.0.1", "localhost")
    assert ask(aws, "GET", path, signed_headers(aws, "GET", path, Host=name))[0] == 200


def test_a_request_for_a_proxy_is_refused(aws: LocalAws) -> None:
    assert (
        ask(
            aws,
            "GET",
            f"{aws.endpoint_url}/{aws.BUCKET}/kept",
            signed_headers(aws, "GET", f"/{aws.BUCKET}/kept"),
        )[0]
        == 400
    )


def test_a_body_that_broke_off_is_not_stored(aws: LocalAws) -> None:
    path = f"/{aws.BUCKET}/kept"
    host, _, port = aws.endpoint_url.removeprefix("http://").partition(":")
    for unsigned in (False, True):
        extra = {"X_Amz_Content_SHA256": "UNSIGNED-PAYLOAD"} if unsigned else {}
        headers = signed_headers(aws, "PUT", path, b"0123456789", "sagemaker" if unsigned else "s3", **extra)
        headers["Content-Length"] = "10"
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(f"PUT {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{head}\r\n01234".encode())
            connection.shutdown(socket.SHUT_WR)
            assert b" 40" in connection.recv(1000).split(b"\r\n")[0]
    assert aws.client("s3").get_object(Bucket=aws.BUCKET, Key="kept")["Body"].read() == b"as it was"


def test_a_body_in_chunks_is_checked_too(aws: LocalAws) -> None:
    path = f"/{aws.BUCKET}/chunks"
    headers = signed_headers(aws, "PUT", path, b"0123456789") | {"Transfer-Encoding": "chunked"}
    for body, expected in ((b"0123456789", 200), (b"012345678x", 400)):
        chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        assert ask(aws, "PUT", path, headers, chunked)[0] == expected
    assert aws.client("s3").get_object(Bucket=aws.BUCKET, Key="chunks")["Body"].read() == b"0123456789"


@pytest.mark.parametrize("length", ["-5", "x", "1_0", "²"])
def test_a_length_that_is_none_is_refused(aws: LocalAws, length: str) -> None:
    path = f"/{aws.BUCKET}/kept"
    host, _, port = aws.endpoint_url.removeprefix("http://").partition(":")
    headers = signed_headers(aws, "PUT", path) | {"Content-Length": length}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(f"PUT {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{head}\r\n".encode("latin-1"))
        assert b" 400 " in connection.recv(1000).split(b"\r\n")[0]
