"""CloudWatch Logs: the log streams of jobs by the service's names, read from the files that the engine writes.

A step has one file, in which each attempt's job begins with the engine's own line that names it; a job with several
hosts has lines that begin with a host's name. Files have no times: events carry that of the job's start, plus a
millisecond a line.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.local.endpoint.job_index import KINDS, FoundJob, JobIndex
from pipeline.local.endpoint.kept_logs import KeptLogs
from pipeline.local.endpoint.log_patterns import log_matcher
from pipeline.local.endpoint.log_search import MOST_BYTES, MOST_EVENTS, searched, wrong
from pipeline.local.endpoint.pages import page
from pipeline.local.endpoint.wire import Request, ServiceError
from pipeline.local.state.state_dir import Home

_BEGIN = re.compile(rb"\[local\] \w+ job (\S+) on ")
_HOST = re.compile(rb"\[(algo-[0-9]+)\] ")
_STREAM = re.compile(r"(?P<job>[^/]+)/(?P<host>algo-[0-9]+)-[0-9]+")
_OF_JOBS = frozenset(kind.group for kind in KINDS)
_TOKEN = re.compile(r"([fb])/([0-9]{1,18})")


@dataclass(frozen=True)
class Line:
    """A line of a job's log, without its newline: from a byte of the file to another, and its number there."""

    text: str
    begin: int
    end: int
    number: int


class Logs:
    """The operations on log streams, each under its own name. Usable from several threads."""

    def __init__(self, home: Home, index: JobIndex, kept: KeptLogs) -> None:
        """`kept` are the groups beside those of jobs."""
        self._home = home
        self._index = index
        self._kept = kept

    def describe_log_groups(self, request: Request) -> Request:
        """DescribeLogGroups."""
        prefix = request.get("logGroupNamePrefix", "")
        names = dict.fromkeys([*(kind.group for kind in KINDS), *self._kept.names()])
        return {"logGroups": [{"logGroupName": name} for name in names if name.startswith(prefix)]}

    def describe_log_streams(self, request: Request) -> Request:
        """DescribeLogStreams."""
        prefix = request.get("logStreamNamePrefix", "")
        group = self._group(request)
        found = self._named(group, prefix)
        times = ("creationTime", "firstEventTimestamp", "lastEventTimestamp", "lastIngestionTime")
        streams = [{"logStreamName": name, **dict.fromkeys(times, at)} for name, at in found]
        if request.get("orderBy") == "LastEventTime":
            streams.sort(key=lambda each: int(str(each["lastEventTimestamp"])))
        else:
            streams.sort(key=lambda each: str(each["logStreamName"]))
        if request.get("descending"):
            streams.reverse()
        items, more = page(
            streams, {"NextToken": request.get("nextToken"), "MaxResults": request.get("limit")}, 50
        )
        token = {"nextToken": more["NextToken"]} if more else {}
        return {"logStreams": items, **token}

    def get_log_events(self, request: Request) -> Request:
        """GetLogEvents: the end of the stream, or from its head, or on from a token, forwards or backwards."""
        read, began = self._read(self._group(request), request["logStreamName"])
        most = min(request.get("limit") or MOST_EVENTS, MOST_EVENTS)
        forwards, place = _read_token(request)
        earliest, latest = request.get("startTime") or 0, request.get("endTime")
        lines: deque[Line] = deque()
        size = 0
        for line in read:
            if began + line.number < earliest or (forwards and line.begin < (place or 0)):
                continue
            if (latest is not None and began + line.number >= latest) or (
                not forwards and place is not None and line.end > place
            ):
                break
            lines.append(line)
            size += len(line.text)
            # One line is given however long it is: a reader must get past it.
            too_much = len(lines) > most or (size > MOST_BYTES and len(lines) > 1)
            if too_much and forwards:
                lines.pop()
                break
            while too_much:
                size -= len(lines.popleft().text)
                too_much = size > MOST_BYTES and len(lines) > 1
        events = [
            {"timestamp": began + line.number, "message": line.text, "ingestionTime": began + line.number}
            for line in lines
        ]
        return {
            "events": events,
            "nextForwardToken": f"f/{lines[-1].end if lines else place or 0}",
            "nextBackwardToken": f"b/{lines[0].begin if lines else place or 0}",
        }

    def filter_log_events(self, request: Request) -> Request:
        """FilterLogEvents: what matches, of all streams or some, by time."""
        if "logStreamNames" in request and "logStreamNamePrefix" in request:
            raise wrong("logStreamNames and logStreamNamePrefix cannot be given both.")
        group, matches = self._group(request), log_matcher(request.get("filterPattern", ""))
        known = [name for name, _ in self._named(group, request.get("logStreamNamePrefix", ""))]
        names = request.get("logStreamNames", known)
        if not set(names) <= set(known):
            raise _no_stream()
        read = ((name, *self._read(group, name)) for name in names)
        lines = (
            (began + line.number, name, line.number, line.text)
            for name, found, began in read
            for line in found
            if matches(line.text)
        )
        return searched(lines, request)

    def _read(self, group: str, name: str) -> tuple[Iterator[Line], int]:
        """The lines of a stream, and when it begins, in milliseconds."""
        if group in _OF_JOBS:
            job, host = self._stream(group, name)
            return self._lines(job, host), _milliseconds(job)
        for stream in self._kept.streams(group):
            if stream.name == name:
                lines = enumerate(stream.messages)
                return (Line(text or " ", place, place + 1, place) for place, text in lines), stream.at
        raise _no_stream()

    def _named(self, group: str, prefix: str) -> list[tuple[str, int]]:
        """The group's streams whose names begin so, each with when it begins, in milliseconds."""
        if group in _OF_JOBS:
            jobs = self._jobs(group, prefix)
            found = [(name, _milliseconds(job)) for job in jobs for name in self._streams(job)]
        else:
            found = [(stream.name, stream.at) for stream in self._kept.streams(group)]
        return [each for each in found if each[0].startswith(prefix)]

    def _group(self, request: Request) -> str:
        """The log group that the request names, by its name or its ARN."""
        if ("logGroupName" in request) == ("logGroupIdentifier" in request):
            raise wrong("One of logGroupName and logGroupIdentifier must be given.")
        name = str(request.get("logGroupName") or request.get("logGroupIdentifier") or "")
        group = name.rpartition(":log-group:")[2].removesuffix(":*")
        if group not in _OF_JOBS and group not in self._kept.names():
            raise ServiceError("ResourceNotFoundException", "The specified log group does not exist.")
        return group

    def _jobs(self, group: str, prefix: str) -> list[FoundJob]:
        kinds = [kind for kind in KINDS if kind.group == group]
        name = prefix.partition("/")[0]
        if "/" in prefix:
            return [job for kind in kinds if (job := self._index.find(kind, name)) is not None]
        return [job for kind in kinds for job in self._index.all(kind) if job.name.startswith(prefix)]

    def _stream(self, group: str, stream: str) -> tuple[FoundJob, str]:
        found = _STREAM.fullmatch(stream)
        for job in self._jobs(group, stream) if found else ():
            if stream in self._streams(job):
                assert found is not None
                return job, found["host"]
        raise _no_stream()

    def _streams(self, job: FoundJob) -> list[str]:
        """The names of its streams; none while it has written nothing."""
        hosts = {found[1].decode() for line in self._raw(job) if (found := _HOST.match(line[0])) is not None}
        if not hosts and next(self._raw(job), None) is None:
            return []
        return [f"{job.name}/{host}-{_milliseconds(job) // 1000}" for host in sorted(hosts or {"algo-1"})]

    def _lines(self, job: FoundJob, host: str) -> Iterator[Line]:
        """The lines of one of the job's hosts; the engine's are the first host's."""
        for number, (raw, begin, end) in enumerate(self._raw(job)):
            of = _HOST.match(raw)
            if (of[1].decode() if of else "algo-1") == host:
                text = raw[of.end() :] if of else raw
                yield Line(text.decode("utf-8", errors="replace") or " ", begin, end, number)

    def _raw(self, job: FoundJob) -> Iterator[tuple[bytes, int, int]]:
        """The whole lines of the job in its step's file, each with its first byte there and the one after it."""
        path = self._path(job)
        mine = not self._has_marks(path)
        try:
            file = path.open("rb")
        except OSError:
            return
        end = 0
        with file:
            for raw in file:
                begin, end = end, end + len(raw)
                if begun := _BEGIN.match(raw):
                    if mine and begun[1].decode(errors="replace") != job.name:
                        return
                    mine = begun[1].decode(errors="replace") == job.name
                # A line that is still being written comes with the next request, unless nobody writes any more.
                if mine and (raw.endswith(b"\n") or job.step.ended_at is not None):
                    yield raw.rstrip(b"\r\n"), begin, end

    def _path(self, job: FoundJob) -> Path:
        return self._home.step_log(job.execution.known.execution_id, job.step.name)

    @staticmethod
    def _has_marks(path: Path) -> bool:
        try:
            with path.open("rb") as file:
                return any(_BEGIN.match(line) for line in file.read(1 << 16).splitlines())
        except OSError:
            return False


def _milliseconds(job: FoundJob) -> int:
    # Of the execution's start, too, which no retry changes: the name of a stream has it.
    return int(job.execution.known.started_at * 1000)


def _no_stream() -> ServiceError:
    return ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")


def _read_token(request: Request) -> tuple[bool, int | None]:
    """Whether to read forwards, and from which byte of the file; None: from its one end or the other.

    Raises:
        ServiceError: the token is none of those that GetLogEvents gives.
    """
    if (token := request.get("nextToken")) is None:
        return bool(request.get("startFromHead")), None
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise wrong("The specified nextToken is invalid.")
    return found[1] == "f", int(found[2])
