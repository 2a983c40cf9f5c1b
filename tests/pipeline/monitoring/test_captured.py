"""Captured requests of this machine: the address below which the job finds them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.monitoring.captured import files_in, put

URI = f"s3://{LocalAws.BUCKET}/captured"


def test_a_file_that_was_edited_in_place_is_another_one(tmp_path: Path) -> None:
    file = tmp_path / "captured" / "model-version-1" / "fashion" / "AllTraffic" / "2026/11/30/02" / "a.jsonl"
    file.parent.mkdir(parents=True)
    home = Home.open(tmp_path / "home")
    with Store(home) as store, LocalAws(home, store) as aws:
        places: dict[str, str] = {}
        for text in ("one\n", "two\n", "one\n"):
            file.write_text(text)
            os.utime(file, ns=(0, 0))
            place = put(aws, files_in(tmp_path / "captured"), URI)
            places.setdefault(text, place)
            assert place == places[text]
            (stored,) = aws.stored_objects(place)
            assert home.objects.joinpath(stored.sha256[:2], stored.sha256).read_text() == text
    assert len(set(places.values())) == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Could not read .*gone\.jsonl: No such file"):
        put(None, {"gone": tmp_path / "gone.jsonl"}, URI)  # type: ignore[arg-type]
