"""Filters and joins the records of a transform job (DataProcessing).

Developer guide, "Associate Prediction Results with Input Records": a CSV row is a list of its cells, to the end of
which the answer's row is joined; a JSON object gets the answer as its SageMakerOutput, and any other JSON value
becomes {"SageMakerInput": …, "SageMakerOutput": …}.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.local.jobs.transform.records import Record, RecordError, where_of
from pipeline.shown import shown
from pipeline.spec.definition import Json
from pipeline.spec.record_filter import EVERYTHING, RecordFilter, parse_filter
from pipeline.spec.step_types.transform import CSV, JSON, RECORD_FORMATS, format_of

_NAMES = {CSV: "CSV"}


@dataclass(frozen=True)
class Processing:
    """What is done with records before and after the model; `taken` and `made` are ContentType and Accept."""

    taken: str = ""
    made: str = ""
    before: RecordFilter = EVERYTHING
    after: RecordFilter = EVERYTHING
    joined: bool = False
    by_line: bool = False

    @classmethod
    def of(cls, request: Mapping[str, Json]) -> Processing:
        """What a CreateTransformJob request asks for. Raises ValueError for a filter that is none."""
        wanted = request.get("DataProcessing") or {}
        given, output = request["TransformInput"], request["TransformOutput"]
        return cls(
            format_of(given.get("ContentType") or ""),
            format_of(output.get("Accept") or ""),
            parse_filter(wanted.get("InputFilter") or "$"),
            parse_filter(wanted.get("OutputFilter") or "$"),
            wanted.get("JoinSource") == "Input",
            (given.get("SplitType") or "None") == "Line",
        )

    def payload(self, record: Record) -> bytes:
        """What is sent of a record. Raises RecordError."""
        if self.before.whole:
            return record.content
        try:
            chosen = self.before.select(_read(record, self.taken))
        except ValueError as error:
            raise RecordError(str(error), record.where) from error
        return _written(chosen, self.taken) + (b"\n" if self.by_line else b"")

    def result(self, records: list[Record], answer: bytes, answer_type: str, *, assembled: bool) -> bytes:
        """What is kept of the answer to `records`; `assembled`: it ends its line. Raises RecordError."""
        if self.after.whole and not self.joined:
            return answer + (b"\n" if assembled and not answer.endswith(b"\n") else b"")
        kind = self._kind_of(answer_type, records)
        answers = _read_answer(answer, kind, where_of(records))
        if self.joined and len(answers) != len(records):
            raise RecordError(
                f"the model answered {len(answers)} records to {len(records)}, so they cannot be joined "
                f"(it begins with {shown(answer[:60].decode(errors='replace'))})",
                where_of(records),
            )
        ended = b"\n" if assembled or kind != JSON else b""
        kept = []
        for place, value in enumerate(answers):
            where = records[place].where if self.joined else where_of(records)
            try:
                whole = _joined(_read(records[place], self.taken), value, kind) if self.joined else value
                kept.append(_written(self.after.select(whole), kind) + ended)
            except ValueError as error:
                raise RecordError(str(error), where) from error
        return b"".join(kept)

    def _kind_of(self, answer_type: str, records: list[Record]) -> str:
        """The form of answers: what was asked for, else what the model says, else that of the input."""
        kind = self.made or format_of(answer_type)
        kind = kind if self.made or kind in RECORD_FORMATS else self.taken
        if kind not in RECORD_FORMATS or (self.joined and (kind == CSV) != (self.taken == CSV)):
            raise RecordError(
                f"records of {self.taken or 'no ContentType'} and answers of {kind or 'no type'} are not filtered "
                f"and joined. Set ContentType and Accept to one of {', '.join(RECORD_FORMATS)}",
                where_of(records),
            )
        return kind


def _joined(record: Json, answer: Json, kind: str) -> Json:
    if kind == CSV:
        return [*record, *answer]
    if isinstance(record, dict):
        return {**record, "SageMakerOutput": answer}
    return {"SageMakerInput": record, "SageMakerOutput": answer}


def _read(record: Record, kind: str) -> Json:
    """A record's value. Raises ValueError."""
    if kind not in RECORD_FORMATS:
        raise ValueError(f"records of {kind or 'no ContentType'} are not filtered and joined")
    try:
        text = record.content.decode("utf-8-sig")
        if kind != CSV:
            return json.loads(text.rstrip())
        rows = _rows(text)
    except ValueError as error:
        raise ValueError(f"it is not {_NAMES.get(kind, 'JSON')}: {_told(error, record.content)}") from error
    if len(rows) != 1:
        raise ValueError(f"expected one row of CSV, not {len(rows)}")
    return rows[0]


def _read_answer(answer: bytes, kind: str, where: str) -> list[Json]:
    """The records of an answer. Raises RecordError."""
    try:
        text = answer.decode()
        return _rows(text) if kind == CSV else _documents(text)
    except ValueError as error:
        raise RecordError(
            f"the model's answer is not {_NAMES.get(kind, 'JSON')}: {_told(error, answer)}", where
        ) from error


def _told(error: ValueError, content: bytes) -> str:
    """What is wrong with `content`, which could not be read, and how it begins."""
    fault = str(error)
    if isinstance(error, json.JSONDecodeError):
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        fault = f"{error.msg} at {line}character {error.colno}"
    elif isinstance(error, UnicodeDecodeError):
        fault = f"byte {error.start + 1} is not UTF-8"
    return f"{fault} (it begins with {shown(content[:60].strip().decode(errors='replace'))})"


def _rows(text: str) -> list[Json]:
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise ValueError(str(error)) from error


def _documents(text: str) -> list[Json]:
    """JSON values one behind the other, on one line or several."""
    found = []
    decoder = json.JSONDecoder()
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        value, place = decoder.raw_decode(text, place)
        found.append(value)
    return found


def _written(value: Json, kind: str) -> bytes:
    if kind != CSV:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(value if isinstance(value, list) else [value])
    return line.getvalue().encode()
