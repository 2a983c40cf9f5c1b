"""What a step's inputs held, from one execution to another."""

from __future__ import annotations

from pathlib import Path

from pipeline.local.jobs.input_contents import NAME, changed_contents, keep_contents
from pipeline.local.state.objects import StoredObject, split_uri

URIS = ("s3://b/one/", "s3://b/two/", "nowhere")
REQUEST = {"ProcessingInputs": [{"S3Input": {"S3Uri": uri}} for uri in URIS]}


def keep(folder: Path, **digests: str) -> Path:
    """Write down, in the folder, that each prefix held one object of that digest."""

    def under(uri: str) -> list[StoredObject]:
        bucket, prefix = split_uri(uri)
        return [StoredObject(bucket, f"{prefix}x", digests[prefix.rstrip("/")], 1)]

    keep_contents(folder, "Processing", REQUEST, under)
    return folder


def test_an_input_that_held_something_else_is_named(tmp_path: Path) -> None:
    before = keep(tmp_path / "before", one="1", two="2")
    assert changed_contents(before, keep(tmp_path / "same", one="1", two="2")) == []
    assert changed_contents(before, keep(tmp_path / "now", one="1", two="3")) == ["s3://b/two/"]


def test_what_was_not_written_down_is_not_told(tmp_path: Path) -> None:
    now = keep(tmp_path / "now", one="1", two="2")
    assert changed_contents(tmp_path / "of an earlier version", now) == []
    (now / NAME).write_text("{")
    assert changed_contents(keep(tmp_path / "before", one="9", two="2"), now) == []


def test_a_step_without_inputs_leaves_nothing(tmp_path: Path) -> None:
    keep_contents(tmp_path / "step", "Processing", {}, lambda uri: [])
    assert not (tmp_path / "step").exists()
