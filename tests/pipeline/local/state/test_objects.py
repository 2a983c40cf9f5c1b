import hashlib
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import StateError, UsageError
from pipeline.local.state.objects import Objects, StoredObject, split_uri, stored_files
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "state")


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    with Store(home) as store:
        yield store


@pytest.fixture
def objects(home: Home, store: Store) -> Objects:
    return Objects(home, store)


def blobs(home: Home) -> list[Path]:
    return [path for path in home.objects.rglob("*") if path.is_file()]


def test_an_object_is_found_with_its_digest_and_content(home: Home, objects: Objects) -> None:
    stored = objects.put("bucket", "a/b.bin", [b"first", b"", b"second"])

    digest = hashlib.sha256(b"firstsecond").hexdigest()
    assert stored == StoredObject("bucket", "a/b.bin", digest, 11)
    assert stored.uri == "s3://bucket/a/b.bin"
    assert objects.path(stored) == home.objects / digest[:2] / digest
    assert objects.path(stored).read_bytes() == b"firstsecond"
    assert objects.under("s3://bucket/a") == [stored]
    assert list(home.temporary.iterdir()) == []


def test_the_same_content_is_kept_once_and_cannot_be_written_in_place(home: Home, objects: Objects) -> None:
    objects.put("bucket", "one", [b"same"])
    second = objects.put("other", "two", [b"same"])

    assert len(blobs(home)) == 1
    assert objects.path(second).stat().st_mode & 0o222 == 0


def test_a_new_content_replaces_the_old_under_its_key(objects: Objects) -> None:
    objects.put("bucket", "key", [b"old"])
    new = objects.put("bucket", "key", [b"new"])

    assert objects.under("s3://bucket/key") == [new]


def test_prefixes_are_plain_text_and_results_are_in_order(objects: Objects) -> None:
    for key in ("a_b/2", "a_b/1", "axb/3", "a%b/4", "A_b/5", "a_b2"):
        objects.put("bucket", key, [b"x"])
    objects.put("bucket2", "a_b/other", [b"x"])

    assert [stored.key for stored in objects.under("s3://bucket/a_b")] == ["a_b/1", "a_b/2", "a_b2"]
    assert [stored.key for stored in objects.under("s3://bucket/a%")] == ["a%b/4"]
    assert len(objects.under("s3://bucket")) == 6


def test_the_files_below_a_folder_are_named_relative_to_it(
    home: Home, store: Store, objects: Objects
) -> None:
    objects.put("bucket", "run/evaluation/evaluation.json", [b"{}"])
    objects.put("bucket", "run/evaluation/plots/a.png", [b"png"])
    objects.put("bucket", "run/evaluation2/other", [b"x"])

    for uri in ("s3://bucket/run/evaluation", "s3://bucket/run/evaluation/"):
        files = stored_files(home, store, uri)
        assert {name: path.read_bytes() for name, path in files.items()} == {
            "evaluation.json": b"{}",
            "plots/a.png": b"png",
        }


def test_content_that_breaks_off_leaves_the_old_object_and_no_partial_file(
    home: Home, objects: Objects
) -> None:
    old = objects.put("bucket", "key", [b"old"])

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError("the network went away")

    with pytest.raises(ConnectionError, match="the network went away"):
        objects.put("bucket", "key", broken())
    assert objects.under("s3://bucket/key") == [old]
    assert list(home.temporary.iterdir()) == []


def test_a_disk_that_takes_no_more_leaves_the_old_object_and_says_so(home: Home, objects: Objects) -> None:
    old = objects.put("bucket", "key", [b"old"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(
            StateError, match=r"Could not store s3://bucket/key in .*: File too large.*Free space"
        ):
            objects.put("bucket", "key", [b"x" * 50_000] * 4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert objects.under("s3://bucket/key") == [old]
    assert objects.path(old).read_bytes() == b"old"
    assert list(home.temporary.iterdir()) == []


def test_damage_is_found_and_storing_the_content_again_heals_it(objects: Objects) -> None:
    stored = objects.put("bucket", "key", [b"content"])
    path = objects.path(stored)
    assert objects.damage(stored) is None

    path.chmod(0o644)
    path.write_bytes(b"cOntent")
    assert "SHA-256" in (objects.damage(stored) or "")
    path.write_bytes(b"cont")
    assert "has 4 bytes instead of 7" in (objects.damage(stored) or "")
    path.unlink()
    assert "No such file" in (objects.damage(stored) or "")
    with pytest.raises(
        StateError, match=r"The stored object s3://bucket/key is damaged: .*No such file.*run the step"
    ):
        objects.check(stored)

    path.write_bytes(b"cOntent")
    objects.put("bucket", "key", [b"content"])
    objects.check(stored)


def test_forgotten_keys_are_gone_and_others_with_the_same_content_stay(objects: Objects) -> None:
    objects.put("bucket", "a", [b"same"])
    kept = objects.put("bucket", "b", [b"same"])

    objects.forget("bucket", ["a", "never there"])

    assert objects.under("s3://bucket") == [kept]
    assert objects.damage(kept) is None


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("s3://bucket/a/b", ("bucket", "a/b")),
        ("s3://bucket/a/", ("bucket", "a/")),
        ("s3://bucket", ("bucket", "")),
        ("s3://bucket/", ("bucket", "")),
    ],
)
def test_an_s3_uri_splits_into_bucket_and_key(uri: str, parts: tuple[str, str]) -> None:
    assert split_uri(uri) == parts


@pytest.mark.parametrize(
    "uri", ["", "bucket/key", "s3:/bucket/key", "https://bucket/key", "s3:///key", "s3://"]
)
def test_what_is_no_s3_uri_is_refused(uri: str) -> None:
    with pytest.raises(UsageError, match=f"must be s3://bucket/key, not '{uri}'"):
        split_uri(uri)
