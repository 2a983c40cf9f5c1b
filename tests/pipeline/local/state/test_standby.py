"""When the local S3's process is started, and what those see who do not know that it was not there."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.errors import FashionError, StateError
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

SPECIFICATION = {
    "Containers": [{"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"}],
    "SupportedContentTypes": ["application/json"],
    "SupportedResponseMIMETypes": ["application/json"],
}
# What a job does: it knows the endpoint and the key from its environment.
JOB = """
import boto3, json
registry, s3 = boto3.client("sagemaker"), boto3.client("s3")
s3.put_object(Bucket="made-before", Key="k", Body=b"by the job")
packages = registry.list_model_packages(ModelPackageGroupName="group")["ModelPackageSummaryList"]
versions = [package["ModelPackageVersion"] for package in packages]
print(json.dumps([versions, [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]]))
"""


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Home, Store]]:
    home = Home.open(tmp_path)
    with Store(home) as store:
        yield home, store


def processes(home: Home) -> list[Path]:
    return list(home.temporary.glob("*moto-*"))


def test_what_nobody_asks_is_not_started(opened: tuple[Home, Store]) -> None:
    home, store = opened
    with LocalAws(home, store) as aws:
        assert aws.endpoint_url.startswith("http://127.0.0.1:")
        assert aws.job_environment()["AWS_ENDPOINT_URL"] == aws.endpoint_url
        aws.ensure_bucket("made")
        aws.put_contents({"s3://made/k": aws.objects.contents.write([b"x"], "x")})
        assert [each.key for each in aws.stored_objects("s3://made/")] == ["k"]
        aws.check_registry()
        aws.persist_registry()
        aws.save_objects()
        assert aws.death is None
        assert processes(home) == []
    assert aws.objects.buckets() == {"made": None}


def test_a_job_that_asks_finds_all_that_there_is(opened: tuple[Home, Store]) -> None:
    home, store = opened
    with LocalAws(home, store) as aws:
        registry = aws.client("sagemaker")
        registry.create_model_package_group(ModelPackageGroupName="group")
        for _ in range(2):
            registry.create_model_package(ModelPackageGroupName="group", InferenceSpecification=SPECIFICATION)
        aws.persist_registry()
    with LocalAws(home, store) as aws:
        aws.ensure_bucket("made-before")
        done = subprocess.run(
            [sys.executable, "-c", JOB], env=aws.job_environment(), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        versions, buckets = json.loads(done.stdout)
        assert sorted(versions) == [1, 2]
        assert set(buckets) == {aws.BUCKET, "made-before"}
        (stored,) = aws.stored_objects("s3://made-before/")
        assert aws.objects.path(stored).read_bytes() == b"by the job"
        assert len(processes(home)) == 1
    assert processes(home) == []


def test_many_who_ask_at_once_get_one_server(opened: tuple[Home, Store]) -> None:
    home, store = opened
    ask = "import boto3; print(len(boto3.client('s3').list_buckets()['Buckets']))"
    with LocalAws(home, store) as aws:
        jobs = [
            subprocess.Popen([sys.executable, "-c", ask], env=aws.job_environment(), stdout=subprocess.PIPE)
            for _ in range(4)
        ]
        aws.client("s3")
        assert [job.communicate()[0] for job in jobs] == [b"1\n"] * 4
        assert len(processes(home)) == 1


def test_a_server_that_cannot_start_refuses_jobs_and_says_why(
    opened: tuple[Home, Store], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home, store = opened
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho No module named moto >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with LocalAws(home, store) as aws:
        with socket.create_connection(("127.0.0.1", int(aws.endpoint_url.rpartition(":")[2]))) as job:
            job.settimeout(20)
            # Closed, or reset: it is not left to wait.
            with suppress(ConnectionError):
                assert job.recv(1) == b""
        assert "No module named moto" in str(aws.death)
        with pytest.raises(FashionError, match="No module named moto"):
            aws.client("s3")


def test_a_registry_that_cannot_be_read_is_said_before_anybody_asks_and_when_somebody_does(
    opened: tuple[Home, Store],
) -> None:
    home, store = opened
    with LocalAws(home, store) as aws:
        aws.client("sagemaker").create_model_package_group(ModelPackageGroupName="group")
        aws.persist_registry()
    with store.database.transaction() as connection:
        connection.execute("UPDATE package_groups SET record = 'x'")
    with LocalAws(home, store) as aws:
        with pytest.raises(StateError, match="whole"):
            aws.check_registry()
        for _ in range(2):
            with pytest.raises(FashionError, match=r"group cannot be read from .*state"):
                aws.client("sagemaker")
        assert "cannot be read" in str(aws.death)


def test_an_address_of_another_machine_is_refused_by_name(opened: tuple[Home, Store]) -> None:
    with pytest.raises(FashionError, match=r"listen at 192\.0\.2\.1"):
        LocalAws(*opened, "192.0.2.1").start()
