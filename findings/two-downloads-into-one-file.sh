#!/usr/bin/env bash
# Library:  boto3 1.44.5 (s3transfer 0.19.3), download_fileobj, against moto 5.2.5.
# Guess:    download_fileobj writes where the file object stands, as upload_fileobj and put_object read from where it
#           stands: after a header, or after another download, the object's bytes follow.
# Found:    An upload starts at the position, a download at byte 0: the second download overwrites the first, and a header
#           is lost. A stream that cannot seek (a pipe, a file opened to append) gets the bytes one after the other.
# Output:   two downloads, one BytesIO      b'TWO!'
#           a header, then a download       b'ONEDER--'
#           the same, opened to append      b'HEADER--ONE'
#           an upload from position 8       b'BODY'
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    boto3==1.44.5 botocore==1.44.5 s3transfer==0.19.3 'moto[s3]==5.2.5'
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import io
import sys

import boto3
from moto import mock_aws

with mock_aws():
    client = boto3.client("s3", "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
    client.create_bucket(Bucket="bkt-one")
    client.put_object(Bucket="bkt-one", Key="one", Body=b"ONE")
    client.put_object(Bucket="bkt-one", Key="two", Body=b"TWO!")
    seen = []

    both = io.BytesIO()
    client.download_fileobj("bkt-one", "one", both)
    client.download_fileobj("bkt-one", "two", both)
    seen.append(both.getvalue())
    print("two downloads, one BytesIO     ", seen[-1])

    headed = io.BytesIO()
    headed.write(b"HEADER--")
    client.download_fileobj("bkt-one", "one", headed)
    seen.append(headed.getvalue())
    print("a header, then a download      ", seen[-1])

    with open("appended", "ab") as file:
        file.write(b"HEADER--")
        file.flush()
        client.download_fileobj("bkt-one", "one", file)
    with open("appended", "rb") as file:
        seen.append(file.read())
    print("the same, opened to append     ", seen[-1])

    source = io.BytesIO(b"HEADER--BODY")
    source.seek(8)
    client.upload_fileobj(source, "bkt-one", "body")
    seen.append(client.get_object(Bucket="bkt-one", Key="body")["Body"].read())
    print("an upload from position 8      ", seen[-1])
if seen != [b"TWO!", b"ONEDER--", b"HEADER--ONE", b"BODY"]:
    sys.exit("The behaviour has changed.")
PYTHON
