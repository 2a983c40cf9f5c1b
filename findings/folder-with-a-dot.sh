#!/usr/bin/env bash
# Library:  SageMaker SDK v3 (sagemaker-core 2.27.0, of sagemaker 3.27.0), S3Downloader.download, against moto 5.2.5.
# Guess:    A folder of S3 arrives with its subfolders, whatever it is called: train/images.npy and test/images.npy are two.
# Found:    A dot in the last part of the address, as in v1.0, makes it a file's name: all that is below is put side by side by
#           its last name, each object over the one before, and the list that is returned has one path several times. Here the
#           images of three splits become one file. With a slash at the end the tree is kept. And "v1" beside a folder "v10" is
#           refused as a path traversal: the address is taken for how names begin, and v10's objects would go elsewhere.
# Output:   s3://data/first   test/images.npy train/images.npy validation/images.npy
#           s3://data/v1.0    images.npy, which holds validation; 3 paths returned
#           s3://data/v1.0/   test/images.npy train/images.npy validation/images.npy
#           s3://data/v1      ValueError: Path traversal detected
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check sagemaker-core==2.27.0 "moto[s3]==5.2.5"
cd "$work"
AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none \
    "$work/venv/bin/python" -W ignore - <<'PYTHON'
import logging
import sys
from pathlib import Path

import boto3
from moto import mock_aws

logging.disable(logging.CRITICAL)
QUIET = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
SPLITS = ("train", "validation", "test")
TREE = " ".join(f"{split}/images.npy" for split in sorted(SPLITS))
seen = {}
with mock_aws():
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.s3 import S3Downloader

    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="data")
    session = Session(sagemaker_config=QUIET)
    for folder in ("first", "v1.0", "v1", "v10"):
        for split in SPLITS:
            s3.put_object(Bucket="data", Key=f"{folder}/{split}/images.npy", Body=split.encode())
    for address in ("s3://data/first", "s3://data/v1.0", "s3://data/v1.0/", "s3://data/v1"):
        there = Path(f"here-{len(seen)}")
        try:
            returned = S3Downloader.download(address, str(there), sagemaker_session=session)
        except ValueError as error:
            seen[address] = f"{type(error).__name__}: {str(error).partition(':')[0]}"
        else:
            found = sorted(file for file in there.rglob("*") if file.is_file())
            seen[address] = " ".join(str(file.relative_to(there)) for file in found)
            if len(found) == 1:
                seen[address] += f", which holds {found[0].read_text()}; {len(returned)} paths returned"
        print(f"{address:17} {seen[address]}")
one = "images.npy, which holds validation; 3 paths returned"
if [*seen.values()] != [TREE, one, TREE, "ValueError: Path traversal detected"]:
    sys.exit("The behaviour has changed.")
PYTHON
