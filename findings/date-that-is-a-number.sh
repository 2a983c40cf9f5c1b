#!/usr/bin/env bash
# Library:  boto3 1.44.5 and botocore 1.44.5, timestamps given as text.
# Guess:    CreationTimeAfter="20261129" means 29 November 2026, as "20261129T000000Z" and "2026-11-29" do; if the basic form
#           of ISO 8601 is not understood, the call is refused.
# Found:    Text that is a number is seconds since 1970: "20261129" is 23 August 1970, "2026" is half an hour after midnight
#           of 1 January 1970. The filter lets everything through, and nothing says so. With a time it is a date again.
# Output:   2026-11-29        2026-11-29 00:00:00+00:00
#           20261129T000000Z  2026-11-29 00:00:00+00:00
#           20261129          1970-08-23 12:05:29+00:00
#           2026              1970-01-01 00:33:46+00:00
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check boto3==1.44.5 botocore==1.44.5
cd "$work"
TZ=UTC AWS_EC2_METADATA_DISABLED=true "$work/venv/bin/python" - <<'PYTHON'
import json
import sys
from datetime import UTC, datetime

import boto3
from botocore.awsrequest import AWSResponse

client = boto3.client("sagemaker", "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
sent = []


class Empty:
    """The body of an answer that says nothing."""

    def read(self, *_):
        return b"{}"

    def stream(self, *_, **__):
        yield b"{}"


def answer(request, **_):
    """Keep what would have been sent, and answer in the place of the service."""
    sent.append(json.loads(request.body))
    return AWSResponse(request.url, 200, {}, Empty())


client.meta.events.register("before-send.sagemaker.ListTrainingJobs", answer)
seen = {}
for text in ("2026-11-29", "20261129T000000Z", "20261129", "2026"):
    client.list_training_jobs(CreationTimeAfter=text)
    seen[text] = str(datetime.fromtimestamp(sent[-1]["CreationTimeAfter"], UTC))
    print(f"{text:17} {seen[text]}")
if seen != {
    "2026-11-29": "2026-11-29 00:00:00+00:00",
    "20261129T000000Z": "2026-11-29 00:00:00+00:00",
    "20261129": "1970-08-23 12:05:29+00:00",
    "2026": "1970-01-01 00:33:46+00:00",
}:
    sys.exit("The behaviour has changed.")
PYTHON
