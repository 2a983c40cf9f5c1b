import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import FashionError, StateError
from pipeline.local.home import Home
from pipeline.local.objects import Objects
from pipeline.local.service import LocalAws
from pipeline.local.store import Store

REPOSITORY = Path(__file__).parents[3]
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


def requests_of(client: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The operations that `client` is asked for from now on."""
    asked: list[str] = []
    original = client._make_api_call

    def make_api_call(operation: str, arguments: dict[str, Any]) -> Any:
        asked.append(operation)
        return original(operation, arguments)

    monkeypatch.setattr(client, "_make_api_call", make_api_call)
    return asked


def test_objects_survive_the_server(local: Local) -> None:
    names = {
        "run/a.bin": os.urandom(20 * 2**20),
        "run/empty": b"",
        "run/ü b+c%/d": b"name",
        "other/x": b"unwanted",
    }
    for key, body in names.items():
        local.put(key, body)
    local.aws.ensure_bucket("second-bucket")
    local.s3.put_object(Bucket="second-bucket", Key="k", Body=b"second")
    local.aws.persist_objects(f"s3://{BUCKET}/run", "s3://second-bucket")

    with LocalAws(local.home, local.store) as aws:
        s3 = aws.client("s3")
        assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
        aws.restore_objects(f"s3://{BUCKET}/run")
        aws.restore_objects(f"s3://{BUCKET}/other")
        aws.restore_objects("s3://second-bucket/k")
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        restored = {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}
        assert restored == {key: body for key, body in names.items() if key.startswith("run/")}
        assert s3.get_object(Bucket="second-bucket", Key="k")["Body"].read() == b"second"
        folders = set(local.home.temporary.iterdir())
    assert len(folders - set(local.home.temporary.iterdir())) == 1


def test_saving_again_reads_only_what_changed(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, body in {"inc/a": b"a", "inc/b": b"b", "inc/c": b"c"}.items():
        local.put(key, body)
    local.aws.persist_objects(f"s3://{BUCKET}/inc/")
    asked = requests_of(local.s3, monkeypatch)

    local.aws.persist_objects(f"s3://{BUCKET}/inc/")
    assert asked == ["ListObjectsV2"]

    local.put("inc/b", b"B")
    local.put("inc/d", b"d")
    asked.clear()
    local.aws.persist_objects(f"s3://{BUCKET}/inc/")
    assert asked == ["ListObjectsV2", "GetObject", "GetObject"]
    assert local.stored("inc/") == {"a": b"a", "b": b"B", "c": b"c", "d": b"d"}


def test_what_was_deleted_in_s3_is_forgotten_but_not_what_was_never_restored(local: Local) -> None:
    local.put("gone/a", b"a")
    local.put("gone/b", b"b")
    local.aws.persist_objects(f"s3://{BUCKET}/gone/")
    Objects(local.home, local.store).put(BUCKET, "gone/from-an-earlier-run", [b"old"])

    local.s3.delete_object(Bucket=BUCKET, Key="gone/a")
    local.aws.persist_objects(f"s3://{BUCKET}/gone/")

    assert local.stored("gone/") == {"b": b"b", "from-an-earlier-run": b"old"}


def test_restoring_happens_once_and_never_replaces_what_is_there(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = Objects(local.home, local.store)
    objects.put(BUCKET, "back/old", [b"stored"])
    objects.put(BUCKET, "back/both", [b"stored"])
    local.put("back/both", b"newer")
    asked = requests_of(local.s3, monkeypatch)

    local.aws.restore_objects(f"s3://{BUCKET}/back/")
    assert (local.get("back/old"), local.get("back/both")) == (b"stored", b"newer")

    asked.clear()
    local.aws.restore_objects(f"s3://{BUCKET}/back/")
    local.aws.restore_objects(f"s3://{BUCKET}/back/old")
    assert asked == []
    local.aws.persist_objects(f"s3://{BUCKET}/back/")
    assert asked == ["ListObjectsV2", "GetObject"]
    assert local.stored("back/") == {"old": b"stored", "both": b"newer"}


def test_a_damaged_object_is_not_restored(local: Local) -> None:
    objects = Objects(local.home, local.store)
    path = objects.path(objects.put(BUCKET, "damaged/key", [b"good content"]))
    path.chmod(0o644)
    path.write_bytes(b"evil content")

    with pytest.raises(StateError, match=rf"s3://{BUCKET}/damaged/key.*SHA-256.*run the step"):
        local.aws.restore_objects(f"s3://{BUCKET}/damaged/")
    assert local.s3.list_objects_v2(Bucket=BUCKET, Prefix="damaged/")["KeyCount"] == 0
    objects.put(BUCKET, "damaged/key", [b"good content"])
    local.aws.restore_objects(f"s3://{BUCKET}/damaged/")
    assert local.get("damaged/key") == b"good content"


def test_many_threads_can_use_the_services_at_once(local: Local) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for index in range(6):
                local.put(f"threads/{number}/{index}", b"%d" % index)
                local.aws.persist_objects(f"s3://{BUCKET}/threads/{number}")
                local.aws.restore_objects(f"s3://{BUCKET}/threads/{number}")
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


def test_the_server_and_its_files_go_when_the_command_is_killed(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from pipeline.local.home import Home
from pipeline.local.store import Store
from pipeline.local.service import LocalAws
home = Home.open(Path(sys.argv[1]))
aws = LocalAws(home, Store(home))
aws.start()
aws.client("s3").put_object(Bucket=aws.BUCKET, Key="k", Body=b"x" * 6_000_000)
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


def is_running(process: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout
    return status.strip()[:1] not in ("", "Z")


def test_a_server_that_dies_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    dying = tmp_path / "python"
    dying.write_text(f"#!/bin/sh\necho {port}\necho Traceback >&2\nexit 9\n")
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
        for ask in (lambda: aws.ensure_bucket("b"), lambda: aws.persist_objects(f"s3://{aws.BUCKET}/")):
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
    from pipeline.local.moto_process import _OneAtATime

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise OSError(errno.ENOSPC, "No space left on device")

    answered: list[str] = []
    body = _OneAtATime(application)({}, lambda status, headers: answered.append(status))

    assert answered == ["507 Insufficient Storage"]
    assert b"<Code>InsufficientStorage</Code>" in b"".join(body)
    assert b"is full: free some space" in b"".join(body)
