"""What is captured while requests are answered, and what is lost, named, when it cannot be kept."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.inference.serving import capture_form
from pipeline.inference.serving.capture import Capture
from pipeline.inference.serving.capture_form import captured_of
from pipeline.inference.serving.capture_places import CaptureError, FolderPlace, open_place
from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.pipeline.targets.aws.stubbed import Stubbed

JSON = "application/json"


class Shelf:
    """A place in memory. While `jam` is set, writing waits; `fault` is raised instead."""

    name = "shelf"

    def __init__(self, already: int = 0) -> None:
        self.files: dict[str, bytes] = {}
        self.already, self.fault = already, ""
        self.go = threading.Event()
        self.go.set()

    def size(self) -> int:
        return self.already

    def write(self, path: str, content: bytes) -> None:
        assert self.go.wait(60)
        if self.fault:
            raise CaptureError(self.fault)
        self.files[path] = content


def capture_to(place: object, said: list[str], **options: object) -> Capture:
    given = {"percent": 100, "most_bytes": 1 << 20, **options}
    return Capture(place, "local-g", "AllTraffic", say=said.append, **given)  # type: ignore[arg-type]


def lines_of(content: bytes) -> list[dict[str, object]]:
    assert content.endswith(b"\n")
    return [json.loads(line) for line in content.splitlines()]


def test_every_exchange_is_a_line_with_an_id_of_its_own() -> None:
    shelf, said = Shelf(), list[str]()
    with capture_to(shelf, said) as capture:

        def ask() -> None:
            for _ in range(50):
                capture.offer(b"[1]", JSON, b'{"p": 1}', JSON)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = [line for content in shelf.files.values() for line in lines_of(content)]
    assert len(lines) == capture.captured == 400
    assert len({line["eventMetadata"]["eventId"] for line in lines}) == 400  # type: ignore[index]
    assert (capture.lost, said) == (0, [])
    assert capture.summary == "Captured 400 requests in shelf."


def test_lines_of_two_hours_are_in_two_files(monkeypatch: pytest.MonkeyPatch) -> None:
    began = capture_form.now()
    times = iter([began, began, began + timedelta(hours=1)])
    shelf = Shelf()
    capture = capture_to(shelf, [])
    monkeypatch.setattr(capture_form, "now", lambda: next(times, began))
    for _ in range(3):
        capture.offer(b"[1]", JSON, b"[]", JSON)
    with capture:
        pass
    assert [len(lines_of(content)) for content in shelf.files.values()] == [2, 1]
    hours = [path.split("/")[2:6] for path in shelf.files]
    assert hours == [f"{each:%Y/%m/%d/%H}".split("/") for each in (began, began + timedelta(hours=1))]


def test_a_part_of_the_requests_is_captured() -> None:
    shelf = Shelf()
    with capture_to(shelf, [], percent=20) as capture:
        for _ in range(2000):
            capture.offer(b"[1]", JSON, b"[]", JSON)
    assert 200 < capture.captured < 600  # 22 standard deviations
    assert capture.lost == 0


def test_a_slow_place_keeps_nobody_waiting_and_the_loss_is_named() -> None:
    shelf, said = Shelf(), list[str]()
    shelf.go.clear()
    with capture_to(shelf, said, most_waiting=1000, file_seconds=0.0) as capture:
        while not said:  # at most two lists full are taken before the writer is stuck
            capture.offer(b"x" * 99, JSON, b"y", JSON)
        shelf.go.set()
    assert said == [
        "Requests are answered but not captured. They arrive faster than they are written to shelf."
    ]
    assert capture.lost >= 1
    kept = sum(len(lines_of(content)) for content in shelf.files.values())
    assert kept == capture.captured > 0


def test_a_loss_that_nobody_can_be_told_of_fails_no_answer() -> None:
    def gone(text: str) -> None:
        raise BrokenPipeError

    with Capture(Shelf(), "g", "AllTraffic", 100, 1 << 20, gone, most_waiting=1) as capture:
        capture.offer(b"[1]", JSON, b"{}", JSON)
    assert capture.lost == 1


def test_a_fault_of_the_disk_is_said_once_and_what_comes_after_it_is_captured() -> None:
    shelf, said = Shelf(), list[str]()
    shelf.fault = "Could not write to shelf: No space left on device"
    with capture_to(shelf, said, file_seconds=0.0) as capture:
        capture.offer(b"[1]", JSON, b"[]", JSON)
        _until(lambda: capture.lost == 1)
        capture.offer(b"[1]", JSON, b"[]", JSON)
        _until(lambda: capture.lost == 2)
        shelf.fault = ""
        capture.offer(b"[1]", JSON, b"[]", JSON)
    assert said == [
        "Requests are answered but not captured. Could not write to shelf: No space left on device."
    ]
    assert capture.summary == "Captured 1 request in shelf; 2 more were lost."


def test_no_more_is_kept_than_may_be_and_what_was_there_counts() -> None:
    shelf, said = Shelf(already=(1 << 20) - 100), list[str]()
    with capture_to(shelf, said) as capture:
        capture.offer(b"[1]", JSON, b"[]", JSON)
    assert (shelf.files, capture.lost) == ({}, 1)
    assert said == [
        "Requests are answered but not captured. shelf has reached its 1 MiB (--capture-limit). Move "
        "what it holds elsewhere, and start again."
    ]


def test_a_folder_has_whole_files_alone(tmp_path: Path) -> None:
    with (
        open_place(str(tmp_path / "new" / "place"), 7, Home(tmp_path / "home"), None) as place,
        capture_to(place, []) as capture,
    ):
        capture.offer(b"[1]", JSON, b"[]", JSON)
    (file,) = (path for path in (tmp_path / "new").rglob("*") if path.is_file())
    found = captured_of(str(file))
    assert found is not None
    assert (found.version, found.endpoint, found.variant) == (7, "local-g", "AllTraffic")
    assert len(lines_of(file.read_bytes())) == 1
    assert place.size() == file.stat().st_size


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = FolderPlace(tmp_path)

    def write(path: Path, content: bytes) -> None:
        path.touch()
        with Path("/dev/full").open("wb", 0) as file:
            file.write(content)

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(CaptureError, match=f"^Could not write to {tmp_path}: No space left on device$"):
        place.write("e/v/a.jsonl", b"{}\n")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_bucket_of_the_local_s3_is_one_of_the_state_folder(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    with open_place("s3://captured/here/", 3, home, None) as place, capture_to(place, []) as capture:
        capture.offer(b"[1]", JSON, b"[]", JSON)
    with Store(home) as store:
        (stored,) = Objects(home, store).under("s3://captured/here/")
        assert captured_of(stored.uri) is not None
        assert lines_of(Objects(home, store).path(stored).read_bytes())
    with open_place("s3://captured/here", 3, home, None) as place:
        assert place.size() == stored.size


def test_a_bucket_on_aws_gets_an_object_a_file(tmp_path: Path, stubbed: Stubbed) -> None:
    stubbed.on("s3", "put_object", {}, Bucket="bucket", Key="p/model-version-2/a", Body=b"x")
    with open_place("s3://bucket/p", 2, Home(tmp_path), stubbed.client("s3")) as place:
        place.write("a", b"x")


@pytest.mark.parametrize("place", ["s3://", "s3://UPPER/x"])
def test_what_is_no_bucket_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageError), open_place(place, 1, Home(tmp_path), None):
        pass


def test_a_file_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with (
        pytest.raises(UsageError, match=r"Could not make the folder .*: Not a directory\. Name another"),
        open_place(str(tmp_path / "file"), 1, Home(tmp_path), None),
    ):
        pass
    assert (tmp_path / "file").read_text() == "mine"


def _until(true: object) -> None:
    deadline = threading.Event()
    for _ in range(1200):
        if true():  # type: ignore[operator]
            return
        deadline.wait(0.1)
    raise AssertionError("two minutes were not enough")


def test_the_state_folder_and_links_in_a_circle_are_no_place_for_captured_requests(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    for folder in (home.root, home.root / "captured", home.executions):
        with pytest.raises(UsageError, match=r"it is the state folder's own \(.*home\)\. Name another"):
            FolderPlace(folder)
    with pytest.raises(UsageError, match="its links lead in a circle"):
        FolderPlace(tmp_path / "loop")
    assert not (home.root / "captured").exists()
