"""What is copied between S3 and a job's folder, and what is done when S3, the copy or the disk fails."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, IncompleteReadError
from botocore.response import StreamingBody

from pipeline.errors import FashionError, StepFailed
from pipeline.local.channels import download, read_json, upload, upload_file
from pipeline.local.runner import StepStopped
from tests.pipeline.local.workbench import Workbench


class Unreliable:
    """The local S3, but each download goes through the next of `faults` first, as long as there are any."""

    def __init__(self, s3: Any, *faults: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.s3 = s3
        self.faults = list(faults)
        self.downloads = 0

    def get_paginator(self, name: str) -> Any:
        return self.s3.get_paginator(name)

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        self.downloads += 1
        answer: dict[str, Any] = self.s3.get_object(**arguments)
        return self.faults.pop(0)(answer) if self.faults else answer


def cut(answer: dict[str, Any]) -> dict[str, Any]:
    body = answer["Body"].read()[:-1]
    return answer | {"Body": StreamingBody(io.BytesIO(body), len(body))}


def flip(answer: dict[str, Any]) -> dict[str, Any]:
    body = bytearray(answer["Body"].read())
    body[0] ^= 1
    return answer | {"Body": StreamingBody(io.BytesIO(bytes(body)), len(body))}


def break_off(answer: dict[str, Any]) -> dict[str, Any]:
    class Broken(StreamingBody):  # type: ignore[misc]
        def iter_chunks(self, chunk_size: int = 1024) -> Iterator[bytes]:
            yield b"x"
            raise IncompleteReadError(actual_bytes=1, expected_bytes=2)

    return answer | {"Body": Broken(io.BytesIO(b""), 0)}


def never() -> threading.Event:
    return threading.Event()


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_prefix_is_copied_by_relative_key(bench: Workbench, tmp_path: Path) -> None:
    uri = bench.put("data", {"a": "1", "b/c": "22", "empty/": ""})
    for form in (uri, uri.rstrip("/")):
        folder = tmp_path / str(len(form))
        folder.mkdir()
        assert download(bench.aws.client("s3"), form, folder, stop=never()) == 3
        assert files_in(folder) == {"a": b"1", "b/c": b"22"}


def test_an_object_is_copied_by_its_name(bench: Workbench, tmp_path: Path) -> None:
    uri = bench.put("data", {"deep/manifest.json": "{}"})
    download(bench.aws.client("s3"), f"{uri}deep/manifest.json", tmp_path, stop=never())
    assert files_in(tmp_path) == {"manifest.json": b"{}"}


def test_keys_that_only_begin_alike_are_left_out_with_a_warning(bench: Workbench, tmp_path: Path) -> None:
    uri = bench.put("data", {"train/a": "1", "training/b": "2"})
    warnings: list[str] = []
    download(bench.aws.client("s3"), f"{uri}train", tmp_path, stop=never(), warn=warnings.append)
    assert files_in(tmp_path) == {"a": b"1"}
    assert len(warnings) == 1
    assert "training/b in SageMaker" in warnings[0]


def test_more_than_one_page_of_objects_is_copied(bench: Workbench, tmp_path: Path) -> None:
    class SmallPages(Unreliable):
        def get_paginator(self, name: str) -> Any:
            return self

        def paginate(self, **arguments: Any) -> Any:
            paginator = self.s3.get_paginator("list_objects_v2")
            return paginator.paginate(**arguments, PaginationConfig={"PageSize": 2})

    uri = bench.put("data", {str(i): str(i) for i in range(5)})
    download(SmallPages(bench.aws.client("s3")), uri, tmp_path, stop=never())
    assert len(files_in(tmp_path)) == 5


@pytest.mark.parametrize("key", ["../escape", "a/../../escape"])
def test_a_key_that_leads_out_of_the_folder_is_refused(bench: Workbench, tmp_path: Path, key: str) -> None:
    class Escaping:
        def get_paginator(self, name: str) -> Any:
            return self

        def paginate(self, **arguments: Any) -> list[dict[str, Any]]:
            return [{"Contents": [{"Key": f"data/{key}", "Size": 1}]}]

    with pytest.raises(StepFailed, match="expected keys without"):
        download(Escaping(), "s3://bucket/data/", tmp_path / "in", stop=never())


def test_nothing_there_is_an_error_unless_it_may_be(bench: Workbench, tmp_path: Path) -> None:
    s3 = bench.aws.client("s3")
    with pytest.raises(StepFailed, match="expected at least one object there"):
        download(s3, bench.uri("nothing/"), tmp_path, stop=never())
    assert download(s3, bench.uri("nothing/"), tmp_path, stop=never(), required=False) == 0


@pytest.mark.parametrize("fault", [cut, flip, break_off])
def test_a_copy_that_went_wrong_is_made_again(
    bench: Workbench, tmp_path: Path, fault: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    uri = bench.put("data", {"a": "content"})
    s3 = Unreliable(bench.aws.client("s3"), fault, fault)
    download(s3, uri, tmp_path, stop=never())
    assert files_in(tmp_path) == {"a": b"content"}
    assert s3.downloads == 3


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (cut, "has 7 bytes, of which 6 arrived"),
        (flip, "arrived damaged: expected MD5"),
        (break_off, "1 read, but total bytes expected is 2"),
    ],
)
def test_a_copy_that_keeps_going_wrong_fails_the_step(
    bench: Workbench, tmp_path: Path, fault: Callable[[dict[str, Any]], dict[str, Any]], message: str
) -> None:
    uri = bench.put("data", {"a": "content"})
    with pytest.raises(StepFailed, match=f"Copying {uri} into the job's folder: .*{message}"):
        download(Unreliable(bench.aws.client("s3"), fault, fault, fault), uri, tmp_path, stop=never())


def test_an_s3_that_is_gone_fails_the_step(tmp_path: Path) -> None:
    class Gone:
        def get_paginator(self, name: str) -> Any:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    with pytest.raises(StepFailed, match="the local S3 failed: Could not connect"):
        download(Gone(), "s3://bucket/x/", tmp_path, stop=never())


def test_a_stop_ends_a_download(bench: Workbench, tmp_path: Path) -> None:
    uri = bench.put("data", {"a": "content"})
    stop = threading.Event()
    stop.set()
    with pytest.raises(StepStopped):
        download(bench.aws.client("s3"), uri, tmp_path, stop=stop)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, whose disk is always full")
def test_a_full_disk_fails_the_step(bench: Workbench, tmp_path: Path) -> None:
    uri = bench.put("data", {"a": "content"})
    (tmp_path / "a").symlink_to("/dev/full")
    with pytest.raises(StepFailed, match=f"Copying {uri} into the job's folder: .*No space left on device"):
        download(bench.aws.client("s3"), uri, tmp_path, stop=never())


def test_a_folder_is_uploaded_with_its_tree_but_without_what_is_no_file(
    bench: Workbench, tmp_path: Path
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for form in ("up", "up/"):
        assert upload(bench.aws.client("s3"), tmp_path, bench.uri(form), stop=never()) == 2
    assert bench.keys(bench.uri("up/")) == ["b", "deep/a"]


def test_a_file_that_cannot_be_read_or_put_fails_the_step(bench: Workbench, tmp_path: Path) -> None:
    s3 = bench.aws.client("s3")
    with pytest.raises(StepFailed, match="Copying missing of the job to"):
        upload_file(s3, tmp_path / "missing", bench.uri("x"), stop=never())
    (tmp_path / "there").write_text("1")
    with pytest.raises(StepFailed, match="NoSuchBucket"):
        upload_file(s3, tmp_path / "there", "s3://no-such-bucket-here/x", stop=never())


@pytest.mark.parametrize("uri", ["/local/path", "https://bucket/x", "s3://"])
def test_what_is_no_s3_uri_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(FashionError, match="Received"):
        read_json(None, uri)
