"""How objects become records, and records requests."""

import gzip
import struct
from pathlib import Path

import pytest

from pipeline.local.jobs.transform.records import (
    MEGABYTE,
    Record,
    RecordError,
    batches,
    read_records,
    where_of,
)

TF = b"".join(struct.pack("<QI", len(data), 1) + data + struct.pack("<I", 2) for data in (b"one", b"three"))
RECORD_IO = b"".join(
    struct.pack("<II", 0xCED7230A, len(data)) + data + b"\0" * (-len(data) % 4) for data in (b"one", b"four")
)


def read(
    folder: Path, content: bytes, split: str, *, packed: bool = False, single: bool = True
) -> list[Record]:
    (folder / "object").write_bytes(content)
    return list(read_records(folder / "object", split, packed=packed, single=single))


def contents(records: list[Record]) -> list[bytes]:
    return [record.content for record in records]


def requests(records: list[Record], *, single: bool = False, most_mb: int = 6) -> list[list[str]]:
    found = batches(records, lambda record: record.content, single=single, most_mb=most_mb)
    return [[record.where for record in batch] for batch in found]


def test_lines_are_records_and_blank_ones_are_none(tmp_path: Path) -> None:
    records = read(tmp_path, b"a,1\r\n\n  \nb,2", "Line")
    assert contents(records) == [b"a,1\r\n", b"b,2"]
    assert [record.where for record in records] == ["line 1", "line 4"]


def test_an_object_is_one_record_without_a_split(tmp_path: Path) -> None:
    records = read(tmp_path, b"a\nb\n", "None")
    assert contents(records) == [b"a\nb\n"]
    assert records[0].where == ""


def test_gzipped_objects_are_unpacked_first(tmp_path: Path) -> None:
    assert contents(read(tmp_path, gzip.compress(b"a\nb\n"), "Line", packed=True)) == [b"a\n", b"b\n"]
    for content in (b"a\nb\n", gzip.compress(b"a\nb\n")[:-9]):
        with pytest.raises(RecordError, match="it is not gzipped, as CompressionType says, or damaged"):
            read(tmp_path, content, "Line", packed=True)


@pytest.mark.parametrize(
    ("split", "content", "plain"),
    [("TFRecord", TF, [b"one", b"three"]), ("RecordIO", RECORD_IO, [b"one", b"four"])],
)
def test_binary_records_lose_their_padding_where_each_is_a_request(
    tmp_path: Path, split: str, content: bytes, plain: list[bytes]
) -> None:
    assert contents(read(tmp_path, content, split)) == plain
    assert b"".join(contents(read(tmp_path, content, split, single=False))) == content
    with pytest.raises(RecordError, match="it ends within a") as broken:
        read(tmp_path, content[:-2], split)
    assert broken.value.where == "record 2"


def test_parts_of_a_record_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="split in parts"):
        read(tmp_path, struct.pack("<II", 0xCED7230A, (1 << 29) + 4) + b"part", "RecordIO")


def test_a_request_takes_as_many_records_as_fit(tmp_path: Path) -> None:
    line = b"x" * (MEGABYTE // 2 - 1) + b"\n"
    records = read(tmp_path, line * 5, "Line")
    assert requests(records, most_mb=1) == [["line 1", "line 2"], ["line 3", "line 4"], ["line 5"]]
    assert len(requests(records, most_mb=0)) == 1
    assert len(requests(records, single=True)) == 5


def test_a_record_that_is_too_large_is_named(tmp_path: Path) -> None:
    records = read(tmp_path, b"a\n" + b"x" * (MEGABYTE + 1), "Line")
    with pytest.raises(
        RecordError, match="1,048,577 bytes to send at once, and MaxPayloadInMB is 1"
    ) as large:
        requests(records, most_mb=1)
    assert large.value.where == "line 2"
    with pytest.raises(RecordError, match="Set SplitType, or a larger MaxPayloadInMB"):
        requests(read(tmp_path, b"x" * (MEGABYTE + 1), "None"), most_mb=1)


def test_a_batch_is_where_its_records_are(tmp_path: Path) -> None:
    records = read(tmp_path, b"a\nb\nc\n", "Line")
    assert [where_of(records), where_of(records[1:2])] == ["lines 1 to 3", "line 2"]
    assert where_of(read(tmp_path, b"a", "None")) == ""
