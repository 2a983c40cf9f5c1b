"""Where the data set is looked for, in which order, and what happens when a source does not give it."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.dataset.check import FILES, IdxFile
from pipeline.dataset.choice import DEBIAN_FOLDER, data_digest_of_sources, digest_of, fill, find_dataset
from pipeline.errors import DataError, UsageError

CONTENTS = {file.name: bytes([number]) * (1000 + number) for number, file in enumerate(FILES)}
SMALL = tuple(
    IdxFile(name, len(content), hashlib.sha256(content).hexdigest()) for name, content in CONTENTS.items()
)


def write_files(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in CONTENTS.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    return folder


class Mirror:
    """A web server on loopback that serves a folder and keeps the paths that it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.paths: list[str] = []
        mirror = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.paths.append(self.path)
                super().do_GET()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


class Search:
    """find_dataset with nothing installed and no apt-get. Mirrors are asked only where a test names them."""

    def __init__(self, tmp_path: Path) -> None:
        self.cache = tmp_path / "state" / "data"
        self.installed = tmp_path / "installed"
        self.said: list[str] = []

    def __call__(self, named: Path | None = None, *mirrors: str, any_data: bool = False) -> Path:
        return find_dataset(
            named,
            self.cache,
            any_data=any_data,
            progress=self.said.append,
            files=SMALL,
            installed=self.installed,
            mirrors=mirrors,
            apt_get="no-such-apt-get",
        )


@pytest.fixture
def search(tmp_path: Path) -> Search:
    return Search(tmp_path)


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """The folder that `mirror` serves."""
    return write_files(tmp_path / "served")


@pytest.fixture
def mirror(served: Path) -> Iterator[Mirror]:
    mirror = Mirror(served)
    thread = threading.Thread(target=mirror.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()
    thread.join()


def test_the_folder_that_the_user_names_comes_first(search: Search, tmp_path: Path) -> None:
    write_files(search.cache)
    named = write_files(tmp_path / "named")
    assert search(named) == named


def test_a_named_folder_that_is_not_good_is_never_replaced_by_another_source(
    search: Search, tmp_path: Path
) -> None:
    write_files(search.cache)
    write_files(search.installed)
    named = write_files(tmp_path / "named")
    (named / f"{SMALL[2].name}.gz").unlink()
    with pytest.raises(DataError, match=rf"{named}:\n    {SMALL[2].name}\.gz: missing"):
        search(named)


def test_the_cache_comes_before_what_is_installed(search: Search) -> None:
    write_files(search.cache)
    write_files(search.installed)
    assert search() == search.cache


def test_what_is_installed_is_used_where_it_lies(search: Search) -> None:
    write_files(search.installed)
    assert search() == search.installed
    assert not search.cache.parent.exists()


def test_other_data_needs_a_named_folder(search: Search, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--any-data"):
        search(any_data=True)
    named = write_files(tmp_path / "named")
    (named / f"{SMALL[0].name}.gz").write_bytes(gzip.compress(b"other"))
    assert search(named, any_data=True) == named


def test_a_download_fills_the_cache_and_leaves_nothing_beside_it(search: Search, mirror: Mirror) -> None:
    assert search(None, mirror.url) == search.cache
    assert sorted(path.name for path in search.cache.iterdir()) == sorted(f"{file.name}.gz" for file in SMALL)
    assert sorted(path.name for path in search.cache.parent.iterdir()) == ["data", "data.lock"]
    assert search() == search.cache


def test_a_mirror_with_wrong_bytes_is_passed_over_for_the_next(
    search: Search, mirror: Mirror, served: Path, tmp_path: Path
) -> None:
    write_files(served / "good")
    (served / f"{SMALL[0].name}.gz").write_bytes(gzip.compress(b"wrong"))
    assert search(None, mirror.url, f"{mirror.url}good/") == search.cache
    assert any(f"Download from {mirror.url} did not give the data set" in line for line in search.said)


def test_a_damaged_cache_is_replaced(search: Search, mirror: Mirror) -> None:
    write_files(search.cache)
    (search.cache / f"{SMALL[0].name}.gz").write_bytes(b"half written")
    assert search(None, mirror.url) == search.cache
    assert search() == search.cache


def test_a_damaged_cache_stays_when_nothing_better_is_found(search: Search) -> None:
    write_files(search.cache)
    (search.cache / f"{SMALL[0].name}.gz").write_bytes(b"half written")
    with pytest.raises(DataError):
        search()
    assert len(list(search.cache.iterdir())) == len(SMALL)


def test_when_no_source_works_each_is_listed_with_its_reason(search: Search, mirror: Mirror) -> None:
    with pytest.raises(DataError) as caught:
        search(None, f"{mirror.url}nothing/", "not-a-url")
    message = str(caught.value)
    assert f"- {search.cache}: no such folder" in message
    assert f"- {search.installed}: no such folder" in message
    assert f"- Download from {mirror.url}nothing/: {SMALL[0].name}.gz: 404 " in message
    assert "- Download from not-a-url: " in message
    assert "- Debian's package dataset-fashion-mnist: no-such-apt-get was not found" in message
    assert "--data DIR" in message


def test_a_state_folder_that_cannot_be_written_is_named(search: Search) -> None:
    search.cache.parent.parent.mkdir(parents=True, exist_ok=True)
    search.cache.parent.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=f"write to {search.cache.parent}.*FASHION_HOME"):
        search()


def leave_half_a_file(folder: Path) -> None:
    (folder / f"{SMALL[0].name}.gz").write_bytes(gzip.compress(CONTENTS[SMALL[0].name])[:-5])


def run_out_of_space(folder: Path) -> None:
    leave_half_a_file(folder)
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("fetch", "reason"), [(leave_half_a_file, "truncated"), (run_out_of_space, "No space left on device")]
)
def test_what_arrives_incomplete_never_becomes_the_cache(
    tmp_path: Path, fetch: Callable[[Path], None], reason: str
) -> None:
    fault = fill(tmp_path / "data", fetch, SMALL)
    assert fault is not None
    assert reason in fault
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_command_left_behind_is_not_used(tmp_path: Path) -> None:
    write_files(tmp_path / "data.unfinished")
    fault = fill(tmp_path / "data", leave_half_a_file, SMALL)
    assert fault is not None
    assert f"{SMALL[3].name}.gz: missing" in fault


def test_what_was_in_the_place_of_the_data_is_kept_beside_it(search: Search, mirror: Mirror) -> None:
    for number, text in enumerate(("dear", "diary"), start=1):
        shutil.rmtree(search.cache, ignore_errors=True)
        search.cache.mkdir(parents=True)
        (search.cache / "letter").write_text(text)
        assert search(None, mirror.url) == search.cache
        assert (search.cache.with_name(f"data.before-{number}") / "letter").read_text() == text


def test_a_folder_called_as_a_download_is_but_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data.unfinished").mkdir()
    (tmp_path / "data.unfinished" / "letter").write_text("dear")
    fault = fill(tmp_path / "data", leave_half_a_file, SMALL)
    assert fault is not None
    assert "left alone" in fault
    assert (tmp_path / "data.unfinished" / "letter").read_text() == "dear"


def test_commands_that_need_the_data_at_once_fetch_it_once(search: Search, mirror: Mirror) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(search, None, mirror.url) for _ in range(4)]
        assert [future.result() for future in found] == [search.cache] * 4
    assert len(mirror.paths) == len(SMALL)


def test_importing_it_loads_no_downloader() -> None:
    downloaders = ("pooch", "requests", "tqdm")
    code = f"import sys, pipeline.dataset.choice; print([m for m in {downloaders} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not DEBIAN_FOLDER.exists(), reason="Debian's package of the data set is not installed")
def test_debians_package_of_the_data_set_is_the_one_expected(tmp_path: Path) -> None:
    assert find_dataset(None, tmp_path / "data") == DEBIAN_FOLDER
    assert digest_of(DEBIAN_FOLDER) == data_digest_of_sources()
