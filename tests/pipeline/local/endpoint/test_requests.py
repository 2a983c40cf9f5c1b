"""Requests as they come: unsigned, signed with another key, malformed, too long, for what is not answered here."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from pipeline.local.endpoint.wire import write_answer
from pipeline.local.local_sagemaker import LocalSageMaker
from tests.pipeline.local.endpoint.conftest import BUCKET, User, fail_step

DESCRIBE = "SageMaker.DescribePipeline"


def signed(
    server: LocalSageMaker,
    body: bytes,
    headers: Mapping[str, str],
    service: str = "sagemaker",
    path: str = "/",
) -> dict[str, str]:
    """The headers of a request, signed with the server's key."""
    key = Credentials(server.environment["AWS_ACCESS_KEY_ID"], server.environment["AWS_SECRET_ACCESS_KEY"])
    request = AWSRequest("POST", f"{server.url}{path}", headers=dict(headers), data=body)
    SigV4Auth(key, service, "us-east-1").add_auth(request)
    return dict(request.headers.items())


def send(
    server: LocalSageMaker, body: bytes, headers: Mapping[str, str], path: str = "/", method: str = "POST"
) -> tuple[int, str]:
    """The status and the text of the answer."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    said = answer.status, answer.read().decode()
    connection.close()
    return said


def ask(server: LocalSageMaker, body: bytes, target: str = DESCRIBE) -> tuple[int, dict[str, Any]]:
    """The status and the answer to a signed request of JSON."""
    headers = signed(server, body, {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"})
    status, text = send(server, body, headers)
    return status, json.loads(text)


@pytest.mark.parametrize(
    ("operation", "answer", "wrong"),
    [
        ("DescribePipeline", {"PipelineStatus": "Resting"}, "PipelineStatus"),
        ("DescribePipeline", {"PipelineArn": "no ARN"}, "PipelineArn"),
        ("DescribePipeline", {"CreationTime": "yesterday"}, "CreationTime"),
        ("DescribePipelineExecution", {"PipelineExecutionState": "Executing"}, "PipelineExecutionState"),
        ("DescribeProcessingJob", {"ProcessingJobName": "a"}, "ProcessingJobArn"),
    ],
)
def test_an_answer_that_the_service_could_not_give_fails_its_test(
    operation: str, answer: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(ValueError, match=rf"{operation} cannot answer this\. .*{wrong}"):
        write_answer("sagemaker", operation, answer, check=True)


def test_a_reason_of_several_lines_is_an_answer() -> None:
    answer = {"FailureReason": "Step A failed: exit status 1:\nno labels"}
    written = write_answer("sagemaker", "DescribePipelineExecution", answer, check=True)
    assert json.loads(written) == answer


def test_what_is_not_signed_gets_nothing(server: LocalSageMaker) -> None:
    status, said = send(server, b"{}", {"X-Amz-Target": DESCRIBE})
    assert (status, json.loads(said)["__type"]) == (403, "MissingAuthenticationTokenException")
    status, said = send(server, b"", {}, method="GET")
    assert status == 403
    assert "<Code>AccessDenied</Code>" in said


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("sagemaker", "UnrecognizedClientException"),
        ("s3", "InvalidAccessKeyId"),
        ("sts", "InvalidClientTokenId"),
    ],
)
def test_another_key_is_told_what_is_wrong(server: LocalSageMaker, service: str, code: str) -> None:
    client = boto3.client(
        service,
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="AKIAOTHER",
        aws_secret_access_key="x",
        config=Config(s3={"addressing_style": "path"}),
    )
    calls = {"sagemaker": "list_pipelines", "s3": "list_buckets", "sts": "get_caller_identity"}
    with pytest.raises(ClientError, match=f"{code}.*AKIAOTHER"):
        getattr(client, calls[service])()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "The body is not JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"PipelineName": NaN}', "The body is not JSON"),
        (b'{"PipelineName": 1e400}', "The body is not JSON"),
        (b"\xff\xfe", "The body is not JSON"),
        (b'{"PipelineName": "a", "Nothing": 1}', "Nothing"),
        (b"{}", "PipelineName"),
        (b'{"PipelineName": 3}', "PipelineName"),
        (b'{"PipelineName": ' + b"[" * 200 + b"]" * 200 + b"}", "nested"),
        (b'{"PipelineName": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not JSON"),
        (b'{"PipelineName": "a", "PipelineVersionId": true}', "PipelineVersionId"),
    ],
)
def test_a_malformed_body_is_refused_by_name(server: LocalSageMaker, body: bytes, said: str) -> None:
    status, answer = ask(server, body)
    assert status == 400
    assert answer["__type"] in ("SerializationException", "ValidationException")
    assert said in answer["message"]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("SageMaker.CreateApp", "does not answer CreateApp"),
        ("SageMaker.Nothing", "sagemaker has no operation Nothing"),
        ("Kinesis_20131202.ListStreams", "Kinesis_20131202.ListStreams is not answered here"),
        ("", "is not answered here"),
        ("Logs_20140328.PutLogEvents", "does not answer PutLogEvents"),
    ],
)
def test_an_operation_that_is_not_answered_is_named(server: LocalSageMaker, target: str, said: str) -> None:
    status, answer = ask(server, b"{}", target)
    assert (status, answer["__type"]) == (400, "UnknownOperationException")
    assert said in answer["message"]


def test_other_services_and_paths_are_not_passed_on(server: LocalSageMaker) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    for service, action in (("iam", "CreateUser"), ("ec2", "RunInstances"), ("sts", "")):
        body = f"Action={action}&Version=1".encode()
        status, said = send(server, body, signed(server, body, form, service))
        assert status == 400
        assert f"does not answer {action or 'a form without an Action'} of {service}" in said
    status, said = send(
        server, b"", signed(server, b"", {}, "lambda", "/2015-03-31/functions/"), "/2015-03-31/functions/"
    )
    assert status == 400
    assert "/2015-03-31/functions/ of lambda is not answered" in said
    status, said = send(server, b"", {}, "/moto-api/reset")
    assert status == 403


def test_a_request_for_s3_that_names_an_operation_is_not_motos(server: LocalSageMaker) -> None:
    """Moto would answer by the target, and some targets with a list of its buckets."""
    headers = signed(server, b"{}", {"X-Amz-Target": "Nobody.Nothing"}, "s3")
    status, said = send(server, b"{}", headers)
    assert (status, json.loads(said)["__type"]) == (400, "UnknownOperationException")


def test_a_body_of_100_mb_is_refused_and_in_s3_taken(user: User) -> None:
    body = bytes(100 << 20)
    target = {"X-Amz-Target": DESCRIBE, "Content-Type": "application/x-amz-json-1.1"}
    status, said = send(user.server, body, signed(user.server, body, target))
    assert (status, json.loads(said)["__type"]) == (413, "RequestEntityTooLarge")
    s3 = user.server.client("s3")
    s3.put_object(Bucket=BUCKET, Key="large", Body=body)
    assert s3.head_object(Bucket=BUCKET, Key="large")["ContentLength"] == len(body)
    s3.delete_object(Bucket=BUCKET, Key="large")


def test_clients_that_say_nothing_keep_nobody_waiting(user: User) -> None:
    place = urlsplit(user.server.url)
    # More than the threads that wait for connections ahead.
    silent = [socket.create_connection((place.hostname, place.port), timeout=60) for _ in range(100)]
    silent[0].sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n")
    silent[1].sendall(b"\x00\xff\r\n\r\n")
    assert silent[1].recv(1 << 16).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert user.sagemaker.list_pipelines(MaxResults=1)["ResponseMetadata"]["HTTPStatusCode"] == 200
    for each in silent:
        each.close()


def test_a_body_that_comes_a_byte_at_a_time_is_answered(server: LocalSageMaker) -> None:
    body = b'{"PipelineName": "nobody"}'
    headers = signed(server, body, {"X-Amz-Target": DESCRIBE, "Content-Type": "application/x-amz-json-1.1"})
    place = urlsplit(server.url)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = ["POST / HTTP/1.1", f"Host: {place.netloc}", f"Content-Length: {len(body)}", *lines, "", ""]
    with socket.create_connection((place.hostname, place.port), timeout=60) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in "\r\n".join(head).encode() + body:
            client.sendall(bytes([byte]))
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_connection_serves_many_requests(server: LocalSageMaker) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    connection.connect()
    plug = connection.sock
    for body in (b'{"PipelineName": "nobody"}', b"{", b'{"PipelineName": "nobody-else"}'):
        headers = signed(
            server, body, {"X-Amz-Target": DESCRIBE, "Content-Type": "application/x-amz-json-1.1"}
        )
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        assert answer.status == 400
        answer.read()
        assert connection.sock is plug
    connection.close()


def test_objects_come_and_go_by_streams_and_presigned_urls(user: User) -> None:
    s3 = user.server.client("s3")
    key = f"{user.name}/ä b+c"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"content")
    assert s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=0-2")["Body"].read() == b"con"
    url = (
        user.server.session()
        .client("s3", config=Config(signature_version="s3v4"))
        .generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key})
    )
    parts = urlsplit(url)
    assert send(user.server, b"", {}, f"{parts.path}?{parts.query}", "GET") == (200, "content")
    old = f"/{BUCKET}/{key.split('/')[0]}?AWSAccessKeyId=x&Signature=y&Expires=1"
    status, said = send(user.server, b"", {}, old, "GET")
    assert status == 400
    assert "Signature Version 2 is not accepted here" in said


@pytest.mark.parametrize(
    ("length", "status", "code"), [("5x", 400, "InvalidRequest"), ("9", 400, "IncompleteBody")]
)
def test_an_object_that_breaks_off_is_refused(user: User, length: str, status: int, code: str) -> None:
    s3 = user.server.session().client("s3", config=Config(signature_version="s3v4"))
    place = urlsplit(s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": user.name}))
    with socket.create_connection((place.hostname, place.port), timeout=60) as client:
        head = f"PUT {place.path}?{place.query} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {length}"
        client.sendall(f"{head}\r\n\r\nshort".encode())
        client.shutdown(socket.SHUT_WR)
        answer = client.makefile("rb").read().decode()
    assert answer.startswith(f"HTTP/1.1 {status} Bad Request\r\n")
    assert f"<Code>{code}</Code>" in answer
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix=user.name)


def test_switches_make_the_server_fail_answer_and_wait(user: User) -> None:
    user.create(fail_step())
    switches = user.server.switches
    quick = user.sagemaker
    switches.fail("DescribePipeline", "ThrottlingException", times=3)  # as often as the client asks
    with pytest.raises(ClientError, match=r"ThrottlingException.*Rate exceeded"):
        quick.describe_pipeline(PipelineName=user.name)
    assert quick.describe_pipeline(PipelineName=user.name)["PipelineStatus"] == "Active"
    switches.answer("DescribePipeline", {"PipelineStatus": "Deleting"})
    assert quick.describe_pipeline(PipelineName=user.name)["PipelineStatus"] == "Deleting"
    switches.delay("DescribePipeline", 0.01)
    switches.fail("ListPipelines", "InternalFailure", times=None)
    assert switches.pending == [("DescribePipeline", None), ("ListPipelines", "InternalFailure")]
    switches.clear()
    assert quick.describe_pipeline(PipelineName=user.name)["PipelineStatus"] == "Active"
    assert quick.list_pipelines(MaxResults=1)
    assert switches.asked[-2:] == ["DescribePipeline", "ListPipelines"]


def test_roles_and_identity_are_what_clients_look_for(server: LocalSageMaker) -> None:
    role = server.client("iam").get_role(RoleName="Anybody")["Role"]
    assert role["Arn"] == "arn:aws:iam::123456789012:role/Anybody"
    trusted = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    assert trusted == {"Service": "sagemaker.amazonaws.com"}
    said = server.client("iam").simulate_principal_policy(
        PolicySourceArn=role["Arn"], ActionNames=["s3:GetObject", "sagemaker:CreatePipeline"]
    )
    assert [each["EvalDecision"] for each in said["EvaluationResults"]] == ["allowed", "allowed"]
    assumed = server.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="me")["Credentials"]
    client = boto3.client(
        "sts",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"],
        aws_session_token=assumed["SessionToken"],
    )
    assert client.get_caller_identity()["Account"] == "123456789012"
