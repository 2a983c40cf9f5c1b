"""The logs of SageMaker's jobs, which lie in CloudWatch: a stream for every host of a job."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from pipeline.targets.aws.aws_errors import AWS_ERRORS, is_missing
from pipeline.targets.aws.records import JobKind, JobRef

GROUPS: Mapping[JobKind, str] = {
    "TrainingJob": "/aws/sagemaker/TrainingJobs",
    "ProcessingJob": "/aws/sagemaker/ProcessingJobs",
}
# What one look reads of one stream at most. A page has 10,000 events or 1 MB (API reference, GetLogEvents).
_PAGES = 5
# A page with less than both is taken for the end of what there is now: asking whether it is would double the
# requests, of which CloudWatch takes 25 a second from an account (quotas of CloudWatch Logs).
_FULL, _FULL_BYTES = 1000, 500_000
# What CloudWatch counts of an event beside its text.
_EVENT_BYTES = 26
# Hosts that come up later have streams of their own: looked for every so many looks.
_LOOKS = 6
# So many looks in a row that bring no line, though the log is said to go on, are its end.
_SILENT = 100


class JobLog:
    """The log of one job, read on from where the last reading ended. `client` is a boto3 client of logs."""

    def __init__(self, client: Any, job: JobRef) -> None:
        self._client = client
        self._group = GROUPS[job.kind]
        self._name = job.name.lower()
        self._beginning = beginning_of(job.name)
        self._tokens: dict[str, str | None] = {}
        self._at_end = False
        self._looks = 0
        self.caught_up = False
        """Whether the last look has read all that there was, as far as it can be told without another."""

    def new_lines(self) -> list[str]:
        """The lines written since the last call; those of several hosts begin with the host's name, in brackets.

        None yet when the job has no log. When CloudWatch refuses half-way, what it gave before is returned, and the
        next call goes on from there. Raises what boto3 raises when there is nothing to return.
        """
        self.caught_up = False
        if not self._tokens or self._looks % _LOOKS == 0:
            for stream in self._streams():
                self._tokens.setdefault(stream, None)
        self._looks += 1
        several = len(self._tokens) > 1
        lines: list[str] = []
        self._at_end = self.caught_up = True
        try:
            for stream in sorted(self._tokens):
                mark = f"[{self._host(stream)}] " if several else ""
                for line in self._read_on(stream):
                    lines.append(f"{mark}{line}")
        except AWS_ERRORS:
            self._at_end = self.caught_up = False
            if not lines:
                raise
        return lines

    def tail(self, number: int) -> list[str]:
        """The last lines of the log, oldest first: of the host that wrote last, where there are several."""
        streams = self._streams()
        if not streams:
            return []
        answer = self._client.get_log_events(
            logGroupName=self._group, logStreamName=streams[-1], limit=number, startFromHead=False
        )
        return [line for event in answer["events"] for line in split(event["message"])][-number:]

    def _streams(self) -> list[str]:
        """The job's streams, the one that was written last at the end."""
        pages = self._client.get_paginator("describe_log_streams").paginate(
            logGroupName=self._group, logStreamNamePrefix=self._beginning
        )
        try:
            found = [
                each
                for page in pages
                for each in page["logStreams"]
                if each["logStreamName"].lower().startswith(f"{self._name}/")
            ]
        except ClientError as error:
            if is_missing(error):
                return []
            raise
        found.sort(key=lambda each: (each.get("lastEventTimestamp", 0), each["logStreamName"]))
        return [each["logStreamName"] for each in found]

    def _read_on(self, stream: str) -> Iterator[str]:
        for _ in range(_PAGES):
            token = self._tokens[stream]
            answer = self._client.get_log_events(
                logGroupName=self._group,
                logStreamName=stream,
                startFromHead=True,
                **({} if token is None else {"nextToken": token}),
            )
            for event in answer["events"]:
                yield from split(event["message"])
            self._tokens[stream] = answer["nextForwardToken"]
            if answer["nextForwardToken"] == token:  # so CloudWatch says that there is no more
                return
            size = sum(len(event["message"].encode()) + _EVENT_BYTES for event in answer["events"])
            if 0 < len(answer["events"]) < _FULL and size < _FULL_BYTES:
                break
        else:
            self.caught_up = False
        self._at_end = False

    def whole(self) -> Iterator[str]:
        """Every line of the log, host after host."""
        silent = 0
        while silent < _SILENT:
            lines = self.new_lines()
            yield from lines
            if self._at_end:
                return
            silent = 0 if lines else silent + 1

    def _host(self, stream: str) -> str:
        """algo-1 out of <job>/algo-1-1700000000."""
        return stream.partition("/")[2].rpartition("-")[0]


def beginning_of(job: str) -> str:
    """What the names of the log streams of a job begin with, whichever way they are written.

    A job's ARN may have its name in small letters, and its log the name as it was given: so the search is for what
    Pipelines puts before the step's name, `pipelines-<execution>-`, which has small letters alone.
    """
    found = re.match(r"pipelines-[a-z0-9]+-", job)
    return found[0] if found else f"{job}/"


def split(message: str) -> list[str]:
    """An event's lines: a progress bar that was redrawn in place is one for each drawing."""
    return [line for line in message.replace("\r", "\n").split("\n") if line] or [""]
