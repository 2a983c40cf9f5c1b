import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from artifact import ArtifactError, Reference, check_data_digest, load_artifact, parse_reference
from s3_objects import S3Error, download, split_uri, upload

Make = Callable[..., bytes]
Files = dict[str, bytes]
REFERENCE = Reference("cnn-3x3", 0, "s3://bucket/jobs/model.tar.gz")


@pytest.fixture
def load(aws: Callable[[str], Any], tmp_path: Path, make_artifact: Make) -> Callable[..., Any]:
    def put_and_load(name: str = "cnn-3x3", seed: int = 0, **options: Any) -> Any:
        s3 = aws("s3")
        s3.put_object(Bucket="bucket", Key="jobs/model.tar.gz", Body=make_artifact(name, seed, **options))
        return load_artifact(s3, REFERENCE, tmp_path)

    return put_and_load


def test_an_artifact_is_fetched_unpacked_and_read(load: Callable[..., Any], tmp_path: Path) -> None:
    artifact = load(params=421_642)
    assert artifact.params == 421_642
    assert artifact.metrics["images_per_second"] == 2050.0
    assert artifact.history[0]["epoch"] == 1
    assert (artifact.saved_model / "saved_model.pb").is_file()
    assert not list(tmp_path.glob("*.gz"))


def _edit(name: str, **changes: Any) -> Callable[[Files], None]:
    def edit(files: Files) -> None:
        document = json.loads(files[name])
        files[name] = json.dumps({**document, **changes}).encode()

    return edit


def _set(name: str, content: bytes) -> Callable[[Files], None]:
    return lambda files: files.update({name: content})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"tamper": _set("1/variables/variables.index", b"other")},
            "the SHA-256 of its 1/variables/variables.index is",
        ),
        ({"tamper": _set("extra.py", b"")}, "its files differ from those that model.json lists: extra.py"),
        (
            {"tamper": lambda files: files.pop("history.json")},
            "its files differ from those that model.json lists: history.json",
        ),
        ({"tamper": lambda files: files.pop("model.json")}, "it has no model.json"),
        (
            {"tamper": _edit("model.json", files=None)},
            "list the digests of all other files, not None",
        ),
        (
            {"tamper": _edit("model.json", params=0)},
            "params in model.json must be a whole number above 0, not 0",
        ),
        ({"change": _set("metrics.json", b"[]")}, "its metrics.json must be a JSON dict, not list"),
        ({"change": _set("history.json", b"[NaN]")}, "its history.json is not JSON: NaN"),
        ({"change": _set("history.json", b"{")}, "its history.json is not JSON"),
        ({"change": _edit("metrics.json", epochs=None)}, "epochs in metrics.json must be a number, not None"),
        (
            {"change": _edit("environment.json", code_digest=7)},
            "code_digest in environment.json must be a string, not 7",
        ),
        ({"name": "cnn-5x5"}, r"its metrics.json is of candidate and seed \('cnn-5x5', 0\)"),
        ({"seed": 3}, r"its metrics.json is of candidate and seed \('cnn-3x3', 3\)"),
    ],
)
def test_an_artifact_that_is_not_what_it_should_be_is_refused_by_name(
    load: Callable[..., Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArtifactError, match=f"model of cnn-3x3-0 from s3://bucket/jobs.*{message}"):
        load(**options)


def test_a_model_trained_on_other_data_is_refused_by_name(load: Callable[..., Any]) -> None:
    artifact = load(change=_edit("environment.json", data_digest="d" * 64))
    check_data_digest(artifact, "d" * 64)
    with pytest.raises(ArtifactError, match=f"cnn-3x3-0.*digest '{'d' * 64}', not {'e' * 64}"):
        check_data_digest(artifact, "e" * 64)


def test_a_missing_object_is_named(aws: Callable[[str], Any], tmp_path: Path) -> None:
    with pytest.raises(S3Error, match=r"Could not download s3://bucket/jobs/model.tar.gz: .*404"):
        load_artifact(aws("s3"), REFERENCE, tmp_path)


def test_an_object_too_large_is_not_downloaded(aws: Callable[[str], Any], tmp_path: Path) -> None:
    s3 = aws("s3")
    upload(s3, bytes(11), "s3://bucket/large", "text/plain")
    with pytest.raises(S3Error, match=r"has 11 bytes, more than the 10 allowed"):
        download(s3, "s3://bucket/large", tmp_path / "large", max_bytes=10)
    assert not (tmp_path / "large").exists()


def test_a_bucket_that_is_not_there_is_named(aws: Callable[[str], Any]) -> None:
    with pytest.raises(S3Error, match=r"Could not upload s3://nowhere/key: .*NoSuchBucket"):
        upload(aws("s3"), b"", "s3://nowhere/key", "text/plain")


@pytest.mark.parametrize(
    "uri", ["", "bucket/key", "https://bucket/key", "s3://bucket", "s3://bucket/", "s3:///key"]
)
def test_what_is_no_object_uri_is_refused(uri: str) -> None:
    with pytest.raises(S3Error, match="must be s3://bucket/key"):
        split_uri(uri)


def test_a_key_may_hold_a_hash() -> None:
    assert split_uri("s3://bucket/a#b/c") == ("bucket", "a#b/c")


def test_the_seed_is_what_follows_the_last_dash() -> None:
    reference = parse_reference("cnn-3x3-12=s3://bucket/a=b.tar.gz")
    assert reference == Reference("cnn-3x3", 12, "s3://bucket/a=b.tar.gz")
    assert reference.id == "cnn-3x3-12"


@pytest.mark.parametrize(
    "text", ["", "cnn=s3://b/k", "cnn-0", "cnn-0=/tmp/x", "../x-0=s3://b/k", "-0=s3://b/k"]
)
def test_a_reference_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be <name>-<seed>=s3://bucket/key"):
        parse_reference(text)
