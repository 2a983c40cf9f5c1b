import errno
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.errors import FashionError
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

REPOSITORY = Path(__file__).parents[4]
BUCKET = LocalAws.BUCKET


class Local:
    """A state folder, and the server that the tests of this module share."""

    def __init__(self, home: Home, store: Store, aws: LocalAws) -> None:
        self.home, self.store, self.aws = home, store, aws
        self.s3 = aws.client("s3")

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def stored(self, prefix: str) -> dict[str, bytes]:
        objects = Objects(self.home, self.store)
        stored = self.aws.stored_objects(f"s3://{BUCKET}/{prefix}")
        return {item.key.removeprefix(prefix): objects.path(item).read_bytes() for item in stored}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    home = Home.open(tmp_path_factory.mktemp("state"))
    with Store(home) as store, LocalAws(home, store) as aws:
        yield Local(home, store, aws)


def test_objects_and_buckets_survive_the_server_whoever_made_them(local: Local) -> None:
    names = {
        "run/a.bin": os.urandom(20 * 2**20),
        "run/empty": b"",
        "run/ü b+c%/d": b"name",
        "other/x": b"x",
    }
    for key, body in names.items():
        local.put(key, body)
    local.s3.create_bucket(Bucket="second-bucket")
    local.s3.put_object(Bucket="second-bucket", Key="k", Body=b"second")
    local.s3.create_bucket(Bucket="empty-bucket")
    local.aws.save_objects()

    with LocalAws(local.home, local.store) as aws:
        s3 = aws.client("s3")
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys} == names
        assert s3.get_object(Bucket="second-bucket", Key="k")["Body"].read() == b"second"
        assert {item["Name"] for item in s3.list_buckets()["Buckets"]} == {
            BUCKET, "second-bucket", "empty-bucket",
        }  # fmt: skip
        folders = set(local.home.temporary.iterdir())
    assert len(folders - set(local.home.temporary.iterdir())) == 1


def test_what_scripts_see_of_an_object_survives_too(local: Local) -> None:
    local.s3.put_object(
        Bucket=BUCKET, Key="seen/a", Body=b"{}", ContentType="application/json", ContentEncoding="identity",
        Metadata={"owner": "ü".encode().hex()}, Tagging="a=1&b=2", StorageClass="STANDARD_IA",
    )  # fmt: skip
    local.put("seen/b", b"later")
    local.s3.put_object_tagging(
        Bucket=BUCKET, Key="seen/b", Tagging={"TagSet": [{"Key": "stage", "Value": "new"}]}
    )
    parts = local.s3.create_multipart_upload(Bucket=BUCKET, Key="seen/parts")["UploadId"]
    given = {"Bucket": BUCKET, "Key": "seen/parts", "UploadId": parts}
    etags = [
        local.s3.upload_part(**given, PartNumber=number, Body=body)["ETag"]
        for number, body in ((1, b"x" * 5 * 2**20), (2, b"y"))
    ]
    local.s3.complete_multipart_upload(
        **given,
        MultipartUpload={"Parts": [{"PartNumber": i + 1, "ETag": etag} for i, etag in enumerate(etags)]},
    )
    names = ("seen/a", "seen/b", "seen/parts")

    def seen(s3: Any) -> list[Any]:
        heads = [s3.head_object(Bucket=BUCKET, Key=name) for name in names]
        tags = [s3.get_object_tagging(Bucket=BUCKET, Key=name)["TagSet"] for name in names]
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="seen/")["Contents"]
        told = ("ETag", "ContentType", "ContentEncoding", "ContentLength", "Metadata", "StorageClass")
        return [
            [{name: head.get(name) for name in told} for head in heads],
            tags,
            [(item["Key"], item["Size"], item["ETag"], item["LastModified"]) for item in listed],
        ]

    before = seen(local.s3)
    assert before[0][0]["ContentType"] == "application/json"
    assert before[0][2]["ETag"].endswith('-2"')
    assert before[1][1] == [{"Key": "stage", "Value": "new"}]
    local.aws.save_objects()
    with LocalAws(local.home, local.store) as aws:
        assert seen(aws.client("s3")) == before


def test_what_was_overwritten_or_deleted_is_so_for_the_next_command(local: Local) -> None:
    for key in ("a", "b", "c", "d"):
        local.put(f"gone/{key}", b"old")
    local.s3.create_bucket(Bucket="short-lived")
    local.s3.put_object(Bucket="short-lived", Key="k", Body=b"k")
    local.aws.save_objects()
    Objects(local.home, local.store).put(BUCKET, "gone/from-beside", [b"old"])

    local.s3.delete_object(Bucket=BUCKET, Key="gone/a")
    local.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "gone/b"}, {"Key": "gone/never"}]})
    local.put("gone/c", b"new")
    local.s3.copy_object(Bucket=BUCKET, Key="gone/copy", CopySource={"Bucket": BUCKET, "Key": "gone/d"})
    local.s3.delete_object(Bucket="short-lived", Key="k")
    local.s3.delete_bucket(Bucket="short-lived")

    assert local.stored("gone/") == {"c": b"new", "d": b"old", "copy": b"old", "from-beside": b"old"}
    assert "short-lived" not in local.aws.objects.buckets()
    assert local.aws.stored_objects("s3://short-lived/") == []


def test_of_a_bucket_with_versions_the_latest_is_kept(local: Local) -> None:
    local.s3.create_bucket(Bucket="versioned")
    enabled = {"Bucket": "versioned", "VersioningConfiguration": {"Status": "Enabled"}}
    local.s3.put_bucket_versioning(**enabled)
    local.s3.put_object(Bucket="versioned", Key="k", Body=b"1")
    latest = local.s3.put_object(Bucket="versioned", Key="k", Body=b"2")["VersionId"]
    local.s3.put_object(Bucket="versioned", Key="marked", Body=b"3")
    local.s3.delete_object(Bucket="versioned", Key="marked")
    local.aws.save_objects()

    with LocalAws(local.home, local.store) as aws:
        s3 = aws.client("s3")
        assert s3.get_bucket_versioning(Bucket="versioned")["Status"] == "Enabled"
        answer = s3.get_object(Bucket="versioned", Key="k")
        assert (answer["Body"].read(), answer["VersionId"]) == (b"2", latest)
        assert [item["Key"] for item in s3.list_objects_v2(Bucket="versioned")["Contents"]] == ["k"]


def test_the_versions_of_objects_are_listed(local: Local) -> None:
    local.put("listed/one", b"1")
    found = local.s3.list_object_versions(Bucket=BUCKET, Prefix="listed/")["Versions"]
    assert [(each["Key"], each["Size"]) for each in found] == [("listed/one", 1)]
    assert local.get("listed/one") == b"1"


def test_what_the_engine_puts_and_deletes_is_so_in_the_server_at_once(local: Local) -> None:
    contents = local.aws.objects.contents
    local.put("both/a", b"the job's")
    local.put("both/kept", b"the job's")
    local.aws.put_contents(
        {
            f"s3://{BUCKET}/both/a": contents.write([b"the engine's"], "a"),
            f"s3://{BUCKET}/both/b": contents.write([b"the engine's"], "b"),
            "s3://made-by-the-engine/c": contents.write([b"c"], "c"),
        }
    )
    assert (local.get("both/a"), local.get("both/b")) == (b"the engine's", b"the engine's")
    assert local.get("both/kept") == b"the job's"
    assert local.s3.get_object(Bucket="made-by-the-engine", Key="c")["Body"].read() == b"c"

    local.put("both/a", b"the job's again")
    local.aws.delete_objects(local.aws.stored_objects(f"s3://{BUCKET}/both/b"))
    listed = local.s3.list_objects_v2(Bucket=BUCKET, Prefix="both/")["Contents"]
    assert [item["Key"] for item in listed] == ["both/a", "both/kept"]
    assert local.stored("both/") == {"a": b"the job's again", "kept": b"the job's"}


@pytest.mark.parametrize("fault", ["changed", "cut", "missing"])
def test_a_damaged_object_is_named_and_harms_no_other(local: Local, fault: str) -> None:
    objects = Objects(local.home, local.store)
    path = objects.path(objects.put("damaged-bucket", fault, [b"good content of", fault.encode()]))
    objects.put("damaged-bucket", "fine", [b"fine"])
    if fault == "missing":
        path.unlink()
    else:
        path.chmod(0o644)
        path.write_bytes(b"evil content of" + fault.encode() if fault == "changed" else b"good")
    with LocalAws(local.home, local.store) as aws:
        s3 = aws.client("s3")
        assert fault in [item["Key"] for item in s3.list_objects_v2(Bucket="damaged-bucket")["Contents"]]
        assert s3.get_object(Bucket="damaged-bucket", Key="fine")["Body"].read() == b"fine"
        asked = pytest.raises(
            ClientError, match=rf"s3://damaged-bucket/{fault} is damaged: .*{path}.*run the step"
        )
        with asked:
            s3.get_object(Bucket="damaged-bucket", Key=fault)
        with asked:
            s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": "damaged-bucket", "Key": fault})
        s3.put_object(Bucket="damaged-bucket", Key=fault, Body=b"again")
        assert s3.get_object(Bucket="damaged-bucket", Key=fault)["Body"].read() == b"again"
        s3.delete_object(Bucket="damaged-bucket", Key=fault)


def test_a_disk_that_takes_no_more_is_an_s3_error_and_the_object_is_as_it_was(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    with Store(home) as store, limited(1 << 20), LocalAws(home, store) as aws:
        s3 = aws.client("s3")
        s3.put_object(Bucket=aws.BUCKET, Key="k", Body=b"old")
        for key in ("k", "new"):
            with pytest.raises(ClientError, match=rf"InsufficientStorage.*store s3://{aws.BUCKET}/{key} in"):
                s3.put_object(Bucket=aws.BUCKET, Key=key, Body=b"x" * (1 << 21))
        assert s3.get_object(Bucket=aws.BUCKET, Key="k")["Body"].read() == b"old"
        assert s3.list_objects_v2(Bucket=aws.BUCKET)["KeyCount"] == 1
        assert [item.size for item in aws.stored_objects(f"s3://{aws.BUCKET}/")] == [3]


def test_a_full_disk_is_said_in_words_where_files_are_uploaded(tmp_path: Path) -> None:
    home, file = Home.open(tmp_path / "home"), tmp_path / "file"
    file.write_bytes(b"x" * (1 << 21))
    with Store(home) as store, limited(1 << 20), LocalAws(home, store) as aws:
        s3 = aws.client("s3")
        # upload_file, which the SDK uses, raises an error of boto3's own.
        for upload in (
            lambda: s3.put_object(Bucket=aws.BUCKET, Key="k", Body=file.read_bytes()),
            lambda: s3.upload_file(str(file), aws.BUCKET, "k"),
        ):
            with (
                pytest.raises(
                    FashionError, match=r"(?s)^Uploading the code failed: [^(]*Then run the same command"
                ),
                aws.faults("Uploading the code"),
            ):
                upload()


@contextmanager
def limited(size: int) -> Iterator[None]:
    """A limit on the size of files, also of processes that start meanwhile: it acts as the end of the disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_many_threads_can_use_the_services_at_once(local: Local) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for index in range(6):
                local.put(f"threads/{number}/{index}", b"%d" % index)
                local.aws.save_objects()
                assert (
                    local.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"threads/{number}/")["KeyCount"]
                    == index + 1
                )
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failures
    assert len(local.stored("threads/")) == 36


def test_the_server_listens_on_loopback_alone_and_outlives_ctrl_c(local: Local) -> None:
    server = local.aws._server
    assert server is not None
    assert local.aws.endpoint_url.startswith("http://127.0.0.1:")
    assert os.getpgid(server.process.pid) != os.getpgid(0)
    port = int(local.aws.endpoint_url.rpartition(":")[2])
    with socket.socket() as other, pytest.raises(OSError, match="refused"):
        other.connect(("127.0.0.2", port))


def test_the_server_goes_when_the_command_is_killed_and_what_it_had_stays(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.local.state.local_aws import LocalAws
home = Home.open(Path(sys.argv[1]))
aws = LocalAws(home, Store(home))
aws.start()
aws.client("s3").create_bucket(Bucket="made-by-a-job")
aws.client("s3").put_object(Bucket=aws.BUCKET, Key="k", Body=b"x" * 6_000_000)
aws.client("s3").put_object(Bucket="made-by-a-job", Key="k", Body=b"the last")
print(aws._server.process.pid, flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_running(server):
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.02)

    home = Home.open(tmp_path)
    home.sweep()
    assert list(home.temporary.iterdir()) == []
    with Store(home) as store:
        objects = Objects(home, store)
        (kept,) = objects.under("s3://made-by-a-job/")
        assert objects.path(kept).read_bytes() == b"the last"


def is_running(process: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout
    return status.strip()[:1] not in ("", "Z")


def test_a_server_that_dies_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dying = tmp_path / "python"
    dying.write_text("#!/bin/sh\necho '{}'\necho Traceback >&2\nexit 9\n")
    dying.chmod(0o755)
    home = Home.open(tmp_path / "state")
    monkeypatch.setattr(sys, "executable", str(dying))
    with Store(home) as store, LocalAws(home, store) as aws:
        for _ in range(2):
            with pytest.raises(FashionError, match=r"(?s)pipeline resume.*ended with status 9.*Traceback"):
                aws.client("s3")


def test_a_server_that_was_killed_is_an_error_for_whatever_asks_it_next(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    with Store(home) as store, LocalAws(home, store) as aws:
        aws.client("s3")
        assert aws._server is not None
        aws._server.process.kill()
        for ask in (lambda: aws.ensure_bucket("b"), aws.save_objects):
            with pytest.raises(FashionError, match=r"(?s)The local S3 has died.*ended with status -9"):
                ask()


def test_a_server_that_cannot_start_is_an_error_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho No module named moto >&2\nexit 3\n")
    broken.chmod(0o755)
    home = Home.open(tmp_path / "state")
    monkeypatch.setattr(sys, "executable", str(broken))
    expected = pytest.raises(FashionError, match=r"(?s)exit status 3.*make build it.*No module named moto")
    with Store(home) as store, LocalAws(home, store) as aws, expected:
        aws.client("s3")


def test_a_full_disk_in_the_server_is_an_s3_error_that_names_it() -> None:
    from pipeline.local.state.moto_process import _OneAtATime

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise OSError(errno.ENOSPC, "No space left on device")

    answered: list[str] = []
    body = _OneAtATime(application)({}, lambda status, headers: answered.append(status))

    assert answered == ["507 Insufficient Storage"]
    assert b"<Code>InsufficientStorage</Code>" in b"".join(body)
    assert b"is full: free some space" in b"".join(body)
