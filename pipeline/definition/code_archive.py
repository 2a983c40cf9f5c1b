"""Code as one archive in S3, as SageMaker's framework containers fetch it in script mode, addressed by its content.

Equal files give equal bytes, whatever the version of Python and of zlib: nothing in it is compressed.
"""

from __future__ import annotations

import io
import struct
import tarfile
import zlib
from pathlib import Path
from typing import Any

from pipeline.code_address import digest_of_files, folder_name
from pipeline.definition.code_upload import code_files

ARCHIVE = "sourcedir.tar.gz"
_BLOCK = 65_535  # the longest stored block of RFC 1951


def pack(folder: Path) -> bytes:
    """The shipped files of `folder` as a .tar.gz."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for file in code_files(folder):
            content = (folder / file).read_bytes()
            entry = tarfile.TarInfo(file.as_posix())
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return _stored(packed.getvalue())


def _stored(content: bytes) -> bytes:
    """`content` as a gzip file (RFC 1952) of stored blocks."""
    blocks = []
    for start in range(0, len(content), _BLOCK):
        block = content[start : start + _BLOCK]
        last = start + _BLOCK >= len(content)
        blocks.append(struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block)
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    return header + b"".join(blocks) + struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)


def folder_of(content: bytes) -> str:
    """The name of the folder that an archive of these bytes lies in."""
    return folder_name(digest_of_files([(ARCHIVE, content)]))


def upload_archive(s3: Any, folder: Path, bucket: str, prefix: str) -> str:
    """Puts the archive of `folder` under `prefix`/sha256-<digest>/ unless it is there; returns its S3 URI."""
    content = pack(folder)
    key = f"{prefix}/{folder_of(content)}/{ARCHIVE}"
    found = s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
    if all((item["Key"], item["Size"]) != (key, len(content)) for item in found):
        s3.put_object(Bucket=bucket, Key=key, Body=content)
    return f"s3://{bucket}/{key}"
