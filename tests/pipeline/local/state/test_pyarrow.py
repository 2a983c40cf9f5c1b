"""Arrow's S3 client (pyarrow, what pandas reads `s3://…` with): its C++ SDK signs as the local S3 wants it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

# Bytes: more than one of the parts in which Arrow uploads, which S3 wants of 5 MiB or more.
LARGE = 11 * 2**20
# A job's script. What it does with an address is led by AWS_ENDPOINT_URL; a S3FileSystem() of its own is not.
SCRIPT = f"""
import os
import sys
import pyarrow.fs as fs

s3, folder = fs.FileSystem.from_uri(sys.argv[1])
with s3.open_output_stream(folder + "/a name/large") as file:
    file.write(b"x" * {LARGE})
with s3.open_output_stream(folder + "/small+1") as file:
    file.write(b"small")
s3.copy_file(folder + "/small+1", folder + "/copy")
found = s3.get_file_info(fs.FileSelector(folder, recursive=True))
print(sorted((each.path.removeprefix(folder), each.size) for each in found if each.is_file))
named = fs.S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL"], region="us-east-1")
print(named.open_input_stream(folder + "/copy").read())
s3.delete_file(folder + "/copy")

# Nothing is asked of it: what it is pickled by says which endpoint it would ask, if not AWS.
own = fs.S3FileSystem(region="us-east-1")
print([each.__reduce__()[1][0]["endpoint_override"] for each in (own, s3)])
"""


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[LocalAws]:
    home = Home.open(tmp_path / "state")
    with Store(home) as store, LocalAws(home, store) as aws:
        yield aws


def test_an_address_leads_arrow_here_and_a_file_system_of_its_own_does_not(aws: LocalAws) -> None:
    key = aws.credentials
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret_key,
        "AWS_EC2_METADATA_DISABLED": "true",
        # As in a job. Without it each part is sent in chunks, which are refused with this remedy.
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    }
    address = f"s3://{aws.BUCKET}/arrow?region=us-east-1"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, address], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [
        str([("/a name/large", LARGE), ("/copy", 5), ("/small+1", 5)]),
        "b'small'",
        str(["", aws.endpoint_url]),
    ], done.stdout + done.stderr
    kept = aws.client("s3").list_objects_v2(Bucket=aws.BUCKET, Prefix="arrow/")["Contents"]
    assert {each["Key"]: each["Size"] for each in kept if each["Size"]} == {
        "arrow/a name/large": LARGE,
        "arrow/small+1": 5,
    }
