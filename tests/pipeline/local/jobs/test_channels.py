"""What is copied between S3 and a job's folder, and what is done when S3, the copy or the disk fails."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import FashionError, StateError, StepFailed
from pipeline.local.jobs.channels import download, read_json, upload, upload_files
from pipeline.local.jobs.runner import StepStopped
from tests.pipeline.local.workbench import Workbench


def never() -> threading.Event:
    return threading.Event()


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def keys_below(bench: Workbench, name: str, **more: Any) -> dict[str, bytes]:
    """What a download of the test's prefix `name` leaves in a folder."""
    folder = bench.home.root / "downloads" / bench.execution_id / str(len(list(bench.home.root.rglob("*"))))
    folder.mkdir(parents=True)
    download(bench.aws, bench.uri(name), folder, stop=never(), **more)
    return files_in(folder)


def test_a_prefix_is_copied_by_relative_key(bench: Workbench, tmp_path: Path) -> None:
    uri = bench.put("data", {"a": "1", "b/c": "22", "empty/": ""})
    for form in (uri, uri.rstrip("/")):
        folder = tmp_path / str(len(form))
        folder.mkdir()
        assert download(bench.aws, form, folder, stop=never()) == 3
        assert files_in(folder) == {"a": b"1", "b/c": b"22"}


def test_an_object_is_copied_by_its_name(bench: Workbench) -> None:
    bench.put("data", {"deep/manifest.json": "{}"})
    assert keys_below(bench, "data/deep/manifest.json") == {"manifest.json": b"{}"}


def test_a_prefix_is_one_of_names_and_not_a_folder(bench: Workbench) -> None:
    """As the service does it; the SDK's own local mode cuts the names (sagemaker-python-sdk issue 3612)."""
    bench.put("in", {"a.txt": "1", "abc/x": "2", "a/y": "3", "b": "4"})
    assert keys_below(bench, "in/a") == {"a.txt": b"1", "abc/x": b"2", "y": b"3"}
    assert keys_below(bench, "in/a/") == {"y": b"3"}
    assert keys_below(bench, "in/ab") == {"abc/x": b"2"}
    assert keys_below(bench, "in/a.t") == {"a.txt": b"1"}


def test_two_objects_that_would_be_one_file_are_refused(bench: Workbench) -> None:
    bench.put("in", {"a/ab": "1", "ab": "2"})
    with pytest.raises(
        StepFailed, match=r"in/a/ab and s3://.*in/ab would both become ab\. Let the URI end with /"
    ):
        keys_below(bench, "in/a")


def test_a_manifest_names_its_objects_one_by_one(bench: Workbench) -> None:
    folder = bench.put("data", {"train/x": "1", "train/deep/y": "2", "z": "3"})
    bench.put("lists", {"m.json": json.dumps([{"prefix": f"{folder}train/"}, "x", "deep/y", "x"])})
    assert keys_below(bench, "lists/m.json", data_type="ManifestFile") == {"x": b"1", "deep/y": b"2"}
    assert keys_below(bench, "lists/m.json", data_type="ManifestFile", shard=(1, 2)) == {"x": b"1"}


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("not json", "lists/m.json is not JSON: "),
        ('{"prefix": "s3://b/"}', "must be a JSON list"),
        ('["x"]', "must be a JSON list"),
        ('[{"prefix": "b/"}, "x"]', "must be a JSON list"),
        ('[{"prefix": "s3://b/"}, 1]', "must be a JSON list"),
        ('[{"prefix": "s3://bkt-none/p/"}, "gone"]', "there is no s3://bkt-none/p/gone in the local S3"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_named(bench: Workbench, manifest: str, message: str) -> None:
    bench.put("lists", {"m.json": manifest})
    with pytest.raises(StepFailed, match=message):
        keys_below(bench, "lists/m.json", data_type="ManifestFile")


@pytest.mark.parametrize(
    ("key", "message"),
    [("x/../../escape", "its key has “..” in it"), ("x//y", "SageMaker takes no key with “//” in it")],
)
def test_a_key_that_the_service_would_not_take_is_refused(bench: Workbench, key: str, message: str) -> None:
    bench.aws.objects.put("bkt-odd", f"{bench.execution_id}/{key}", [b"1"])
    with pytest.raises(StepFailed, match=message):
        download(bench.aws, f"s3://bkt-odd/{bench.execution_id}/", bench.home.root / "never", stop=never())


def test_nothing_there_is_an_error_unless_it_may_be(bench: Workbench, tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="there is nothing there"):
        download(bench.aws, bench.uri("nothing/"), tmp_path, stop=never())
    assert download(bench.aws, bench.uri("nothing/"), tmp_path, stop=never(), required=False) == 0


@pytest.mark.parametrize("fault", ["changed", "missing"])
def test_an_object_that_is_damaged_is_named_and_others_are_copied(
    bench: Workbench, tmp_path: Path, fault: str
) -> None:
    uri = bench.put("data", {"a": f"content that is {fault} {bench.execution_id}", "b": "fine"})
    (stored,) = bench.aws.stored_objects(f"{uri}a")
    path = bench.aws.objects.path(stored)
    path.unlink()
    if fault == "changed":
        path.write_bytes(b"x" * stored.size)
    with pytest.raises(StateError, match=f"{uri}a is damaged: {path}.*run the step that made it again"):
        download(bench.aws, uri, tmp_path, stop=never())
    download(bench.aws, f"{uri}b", tmp_path, stop=never())
    assert (tmp_path / "b").read_bytes() == b"fine"


def test_a_stop_ends_a_download_and_an_upload(bench: Workbench, tmp_path: Path) -> None:
    uri = bench.put("data", {"a": "content"})
    stop = threading.Event()
    stop.set()
    with pytest.raises(StepStopped):
        download(bench.aws, uri, tmp_path, stop=stop)
    (tmp_path / "b").write_text("2")
    with pytest.raises(StepStopped):
        upload(bench.aws, [(tmp_path, bench.uri("up"))], stop=stop)
    assert bench.keys(bench.uri("up")) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, whose disk is always full")
def test_a_full_disk_fails_the_step(bench: Workbench, tmp_path: Path) -> None:
    uri = bench.put("data", {"a": "content"})
    (tmp_path / "a").symlink_to("/dev/full")
    with pytest.raises(StepFailed, match=f"Copying {uri} into the job's folder: .*No space left on device"):
        download(bench.aws, uri, tmp_path, stop=never())


def test_a_name_that_is_too_long_for_a_file_is_named(bench: Workbench, tmp_path: Path) -> None:
    bench.put("data", {"n" * 256: "content"})
    with pytest.raises(StepFailed, match=r"n{256}' is too long a name for a file"):
        download(bench.aws, bench.uri("data/"), tmp_path, stop=never())


def test_a_folder_is_uploaded_with_its_tree_but_without_what_is_no_file(
    bench: Workbench, tmp_path: Path
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    (tmp_path / "linked").symlink_to(tmp_path / "b")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for form in ("up", "up/"):
        assert upload(bench.aws, [(tmp_path, bench.uri(form))], stop=never()) == [3]
    assert bench.keys(bench.uri("up/")) == ["b", "deep/a", "linked"]


def test_either_all_files_are_uploaded_or_none(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("1")
    with pytest.raises(StepFailed, match=r"Could not copy .*missing of the job to .*: No such file"):
        upload_files(
            bench.aws,
            [(tmp_path / "there", bench.uri("up/x")), (tmp_path / "missing", bench.uri("up/y"))],
            stop=never(),
        )
    assert bench.keys(bench.uri("up/")) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/".join(["n" * 250] * 5), "S3 takes keys of at most 1024 bytes"),
        ("n\udcff", "its name is not UTF-8, which S3's keys are"),
    ],
)
def test_a_file_whose_name_cannot_be_a_key_is_named(
    bench: Workbench, tmp_path: Path, name: str, message: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("1")
    with pytest.raises(StepFailed, match=f"Could not copy '.*n.*' of the job to 's3://.*: {message}"):
        upload(bench.aws, [(tmp_path, bench.uri("up"))], stop=never())


def test_thousands_of_small_files_take_no_request_each(bench: Workbench, tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / str(number)).write_text(str(number))
    asked: list[str] = []
    assert bench.aws._server is not None
    original = bench.aws._server.ask

    def ask(**command: str) -> None:
        asked.append(command["do"])
        original(**command)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.aws._server, "ask", ask)
        assert upload(bench.aws, [(tmp_path, bench.uri("up"))], stop=never()) == [3000]
        download(bench.aws, bench.uri("up"), tmp_path / "back", stop=never())
    assert len(asked) <= 3
    assert len(files_in(tmp_path / "back")) == 3000
    assert bench.get(bench.uri("up/2999")) == b"2999"


@pytest.mark.parametrize("uri", ["/local/path", "https://bucket/x", "s3://"])
def test_what_is_no_s3_uri_is_refused(bench: Workbench, uri: str) -> None:
    with pytest.raises(FashionError, match="must be s3://bucket/key, not "):
        read_json(bench.aws, uri)
