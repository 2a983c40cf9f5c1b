"""What a job writes reaches its file byte for byte and the observer line by line."""

from pathlib import Path

import pytest

from pipeline.local.jobs.joblog import LONGEST_LINE, TAIL_LINES, HostLog, JobLog


class Lines(list[str]):
    """Collects what the observer is told."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.txt"


def test_lines_cut_anywhere_arrive_whole(path: Path) -> None:
    lines = Lines()
    with JobLog(path, lines.append) as log:
        for piece in (b"one\ntw", b"o\n", b"", b"thr", b"ee"):
            log.feed(piece)
        assert lines == ["one", "two"]
    assert lines == ["one", "two", "three"]
    assert path.read_bytes() == b"one\ntwo\nthree"


def test_a_character_cut_in_two_reads_are_one_character_again(path: Path) -> None:
    lines = Lines()
    euro = "€".encode()
    with JobLog(path, lines.append) as log:
        log.feed(euro[:1])
        log.feed(euro[1:] + b"\n")
    assert lines == ["€"]


def test_invalid_utf8_is_shown_replaced_and_kept_raw(path: Path) -> None:
    lines = Lines()
    with JobLog(path, lines.append) as log:
        log.feed(b"caf\xe9\n")
    assert lines == ["caf�"]
    assert path.read_bytes() == b"caf\xe9\n"


def test_a_progress_bar_shows_its_last_state(path: Path) -> None:
    lines = Lines()
    with JobLog(path, lines.append) as log:
        log.feed(b"10 %\r50 %\r100 %\r\nnext\r\n")
    assert lines == ["100 %", "next"]


@pytest.mark.parametrize("piece", [1000, LONGEST_LINE, 10 * LONGEST_LINE])
def test_a_huge_line_is_cut_for_the_observer_and_whole_in_the_file(path: Path, piece: int) -> None:
    lines = Lines()
    huge = b"x" * (50 * LONGEST_LINE)
    with JobLog(path, lines.append) as log:
        for start in range(0, len(huge), piece):
            log.feed(huge[start : start + piece])
        log.feed(b"\nafter\n")
    assert len(lines) == 2
    assert lines[0] == "x" * LONGEST_LINE + " …"
    assert lines[1] == "after"
    assert path.read_bytes() == huge + b"\nafter\n"


def test_the_tail_holds_the_jobs_last_lines_only(path: Path) -> None:
    with JobLog(path, lambda line: None) as log:
        for number in range(TAIL_LINES + 5):
            log.feed(f"line {number}\n".encode())
        log.say("a line of the engine")
        assert log.tail == tuple(f"line {number}" for number in range(5, TAIL_LINES + 5))


def test_the_engines_lines_are_marked_and_never_split_a_line_of_the_job(path: Path) -> None:
    lines = Lines()
    with JobLog(path, lines.append) as log:
        log.feed(b"half")
        log.say("stopping")
        log.feed(b" a line\n")
    assert lines == ["[local] stopping", "half a line"]
    assert path.read_bytes() == b"half\n[local] stopping\n a line\n"


def test_a_later_attempt_appends(path: Path) -> None:
    for text in (b"first\n", b"second\n"):
        with JobLog(path, lambda line: None) as log:
            log.feed(text)
    assert path.read_bytes() == b"first\nsecond\n"


def test_what_comes_after_the_end_is_ignored(path: Path) -> None:
    lines = Lines()
    log = JobLog(path, lines.append)
    log.close()
    log.feed(b"late\n")
    assert lines == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, whose disk is always full")
def test_a_full_disk_is_said_once_and_the_lines_still_arrive() -> None:
    lines = Lines()
    with JobLog(Path("/dev/full"), lines.append) as log:
        log.feed(b"one\n")
        log.feed(b"two\n")
    assert lines[0].startswith("[local] the log file /dev/full lacks lines from here on: ")
    assert "No space left" in lines[0]
    assert lines[1:] == ["one", "two"]


def test_lines_of_hosts_arrive_whole_with_their_names(path: Path) -> None:
    lines = Lines()
    with JobLog(path, lines.append) as log:
        one, two = HostLog(log, "algo-1"), HostLog(log, "algo-2")
        one.feed(b"first ha")
        two.feed(b"other\nhalf ")
        one.feed(b"lf\n")
        two.say("its inputs are here")
        one.end()
        two.end()
        assert one.tail == ("first half",)
        assert two.tail == ("other", "half ")
    assert lines == [
        "[algo-2] other",
        "[algo-1] first half",
        "[local] algo-2: its inputs are here",
        "[algo-2] half ",
    ]
    assert path.read_text().splitlines() == lines


def test_a_hosts_progress_bar_keeps_its_name(path: Path) -> None:
    lines = Lines()
    with JobLog(path, lines.append) as log:
        host = HostLog(log, "algo-1")
        host.feed(b"10 %\r50 %\r100 %\r\nnext\r\n")
        assert host.tail == ("100 %", "next")
    assert lines == ["[algo-1] 100 %", "[algo-1] next"]


def test_a_hosts_line_without_end_is_not_held_back(path: Path) -> None:
    lines = Lines()
    with JobLog(path, lines.append) as log:
        HostLog(log, "algo-1").feed(b"x" * (LONGEST_LINE + 1))
        assert len(lines) == 1


SECRET = "abcabd-secret"


@pytest.mark.parametrize("step", [1, 2, 3, 5, 1000])
def test_the_runs_secret_is_masked_however_its_bytes_arrive(path: Path, step: int) -> None:
    text = f"abc {SECRET}, abcabc{SECRET}{SECRET}\nabcab\nthe end is abcabd-secre".encode()
    lines, of_host = Lines(), Lines()
    with JobLog(path, lines.append, SECRET) as log:
        for at in range(0, len(text), step):
            log.feed(text[at : at + step])
        tail = log.tail
    with JobLog(path.with_name("hosts"), of_host.append, SECRET) as log:
        host = HostLog(log, "algo-1")
        for at in range(0, len(text), step):
            host.feed(text[at : at + step])
        host.end()
    expected = ["abc ********, abcabc****************", "abcab", "the end is abcabd-secre"]
    assert lines == expected
    assert tail == tuple(expected[:2])
    assert path.read_text() == "\n".join(expected)
    assert host.tail == tuple(expected)
    assert of_host == [f"[algo-1] {line}" for line in expected]


NOISE = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1795982683.965654   19079 port.cc:153] oneDNN custom operations are on. You may see slightly "
    "different numerical results. To turn them off, set the environment variable `TF_ENABLE_ONEDNN_OPTS=0`.",
)


def test_what_tensorflow_says_too_early_is_in_the_file_alone(path: Path) -> None:
    lines = Lines()
    text = "\n".join([*NOISE, "Training", *NOISE, "W0000 00:00:1.5   1 port.cc:1] a warning", ""])
    with JobLog(path, lines.append) as log:
        log.feed(text.encode())
        assert log.tail == ("Training", "W0000 00:00:1.5   1 port.cc:1] a warning")
    assert lines == ["Training", "W0000 00:00:1.5   1 port.cc:1] a warning"]
    assert path.read_text() == text


def test_so_it_is_for_a_job_with_several_hosts(path: Path) -> None:
    lines = Lines()
    with JobLog(path, lines.append) as log:
        host = HostLog(log, "algo-2")
        host.feed("\n".join([*NOISE, "Training", ""]).encode())
        assert host.tail == ("Training",)
    assert lines == ["[algo-2] Training"]
