"""Which images a folder, a file or a prefix has, and what becomes of those that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UsageError
from pipeline.inference.batch.images import aws_files, files_of, images_of, local_s3_files
from pipeline.inference.predicting.picture import ImageError
from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.pipeline.inference.batch.conftest import idx
from tests.pipeline.inference.predicting.tiny_model import bright_rows

NAMES = [
    "b.png", "broken.png", "x-images-idx3-ubyte.gz#0", "x-images-idx3-ubyte.gz#1", "x-images-idx3-ubyte.gz#2",
    "deep/a.JPG",
]  # fmt: skip


def test_a_folder_has_its_pictures_and_rows_in_a_fixed_order(folder: Path) -> None:
    images = list(images_of(files_of(folder), "auto"))
    assert [image.name for image in images] == NAMES
    assert (images[0].load() == bright_rows(7)).all()
    assert (images[4].load() == bright_rows(9)).all()
    with pytest.raises(ImageError, match=r"^Could not read broken\.png"):
        images[1].load()


def test_a_file_is_its_own_name_and_an_idx_file_may_have_any(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(idx(np.zeros((2, 28, 28), np.uint8)))
    assert [image.name for image in images_of(files_of(tmp_path / "rows"), "dark")] == ["rows#0", "rows#1"]
    assert [image.name for image in images_of(files_of(folder / "b.png"), "dark")] == ["b.png"]


def test_a_truncated_idx_file_costs_no_row_before_its_end(tmp_path: Path) -> None:
    file = tmp_path / "a.idx3"
    file.write_bytes(idx(np.stack([bright_rows(label) for label in range(5)]))[:-800])
    images = list(images_of(files_of(file), "auto"))
    assert [image.name for image in images] == ["a.idx3#0", "a.idx3#1", "a.idx3#2", "a.idx3#3"]
    assert (images[2].load() == bright_rows(2)).all()
    with pytest.raises(ImageError, match="ends in row 3 of 5"):
        images[3].load()


def test_rows_are_inverted_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.idx3").write_bytes(idx(np.zeros((1, 28, 28), np.uint8)))
    (image,) = images_of(files_of(tmp_path / "a.idx3"), "light")
    assert (image.load() == 255).all()


@pytest.mark.parametrize("name", ["gone", "a\0b", "x" * 300])
def test_what_is_not_there_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"^Could not read "):
        list(files_of(tmp_path / name))


def test_a_link_that_leads_nowhere_is_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "gone")
    (image,) = images_of(files_of(tmp_path), "auto")
    with pytest.raises(ImageError, match="no such file"):
        image.load()


def test_a_changed_file_has_another_stamp(folder: Path) -> None:
    before = {image.name: image.stamp for image in images_of(files_of(folder), "auto")}
    (folder / "b.png").write_bytes(b"another")
    after = {image.name: image.stamp for image in images_of(files_of(folder), "auto")}
    assert [name for name in NAMES if before[name] != after[name]] == ["b.png"]


def test_a_prefix_of_the_local_s3_has_its_objects_and_no_others(folder: Path, tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    with Store(home) as store:
        objects = Objects(home, store)
        for key in ("in/deep/b.png", "in2/b.png"):
            objects.put("bucket", key, [(folder / "b.png").read_bytes()])
        (image,) = images_of(local_s3_files(objects, "s3://bucket/in"), "auto")
        assert image.name == "deep/b.png"
        assert (image.load() == bright_rows(7)).all()


def test_a_prefix_on_aws_is_read_object_by_object(folder: Path, tmp_path: Path) -> None:
    class S3:
        """Two pages of a bucket."""

        def get_paginator(self, name: str) -> S3:
            assert name == "list_objects_v2"
            return self

        def paginate(self, **asked: str) -> list[dict[str, object]]:
            assert asked == {"Bucket": "bucket", "Prefix": "in/"}
            page = [{"Key": f"in/{name}", "ETag": '"1"'} for name in ("b.png", "broken.png")]
            return [{"Contents": page}, {"Contents": [{"Key": "in/x.txt", "ETag": '"2"'}]}, {}]

        def download_file(self, bucket: str, key: str, path: str) -> None:
            Path(path).write_bytes((folder / key.removeprefix("in/")).read_bytes())

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    images = list(images_of(aws_files(S3(), "s3://bucket/in/", scratch), "auto"))
    assert [image.name for image in images] == ["b.png", "broken.png"]
    assert (images[0].load() == bright_rows(7)).all()
    with pytest.raises(ImageError):
        images[1].load()
    assert list(scratch.iterdir()) == []
