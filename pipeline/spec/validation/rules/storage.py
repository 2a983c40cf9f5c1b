"""Rules for S3 URIs, encryption keys and tags, wherever in a request they stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from pipeline.shown import shown
from pipeline.spec.bucket_name import bucket_problem
from pipeline.spec.definition import Step
from pipeline.spec.instance_types import has_own_storage
from pipeline.spec.json_values import entries, strings, value_at

S3_URI = re.compile(r"(?<![:\w])s3:/[^\s,;'\"]*", re.IGNORECASE)
S3_FIELDS = (".S3Uri", ".S3OutputPath", ".ModelDataUrl")
KEY_FIELDS = (".KmsKeyId", ".VolumeKmsKeyId")

# AWS KMS developer guide, "Key identifiers": the id of a key (mrk-… across Regions), its alias, or an ARN of these.
KEY_ID = r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})"
KEY_ALIAS = r"alias/[A-Za-z0-9/_-]+"
KMS_KEY = re.compile(
    rf"{KEY_ID}|{KEY_ALIAS}|arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{{12}}:(key/{KEY_ID}|{KEY_ALIAS})", re.ASCII
)


def s3_uris_are_well_formed(step: Step) -> Iterator[tuple[str, str]]:
    """An S3 URI is s3://<bucket>/<key>, with a valid bucket name.

    Amazon S3 user guide, "General purpose bucket naming rules".
    """
    for path, text in strings(step.arguments, step.argument_path()):
        if path.endswith(S3_FIELDS) and not text.startswith("s3://"):
            yield path, f"must be s3://<bucket>/<key>, not {shown(text, 200)}."
            continue
        for uri in S3_URI.findall(text):
            if not is_well_formed(uri):
                form = "s3://<bucket>/<key> with a valid bucket name"
                yield path, f"must be {form}, not {shown(uri, 200)}."


def s3_keys_have_no_empty_parts(step: Step) -> Iterator[tuple[str, str]]:
    """The key in an S3 URI has no empty part: a//b, as an extra slash in a Join makes it, is not found under a/b.

    Amazon S3 user guide, "Naming Amazon S3 objects": a key may have one, but then it is another key.
    """
    for path, text in strings(step.arguments, step.argument_path()):
        for uri in S3_URI.findall(text):
            if is_well_formed(uri) and "//" in uri.removeprefix("s3://"):
                yield path, f"the key must have single slashes only, unlike {shown(uri, 200)}."


def is_well_formed(uri: str) -> bool:
    """Whether `uri` begins with s3:// and a valid bucket name."""
    return uri.startswith("s3://") and bucket_problem(uri.split("/")[2]) is None


def kms_keys_are_well_formed(step: Step) -> Iterator[tuple[str, str]]:
    """A KMS key is named by its id, its alias (alias/…), or the ARN of either.

    API reference, OutputDataConfig, KmsKeyId. AWS KMS developer guide, "Key identifiers (KeyId)".
    """
    for path, text in strings(step.arguments, step.argument_path()):
        if path.endswith(KEY_FIELDS) and not KMS_KEY.fullmatch(text):
            yield (
                path,
                f"must be a key's id, alias/<name>, or the ARN of either, not {shown(text, 200)}.",
            )


def volume_key_needs_a_volume(step: Step) -> Iterator[tuple[str, str]]:
    """No VolumeKmsKeyId on an instance type with storage of its own, which its hardware encrypts.

    API reference, ResourceConfig and ProcessingClusterConfig, VolumeKmsKeyId: "You can't request a VolumeKmsKeyId
    when using an instance type with local storage."
    """
    for keys in (("ResourceConfig",), ("ProcessingResources", "ClusterConfig"), ("TransformResources",)):
        resources = value_at(step.arguments, *keys)
        key, instance = value_at(resources, "VolumeKmsKeyId"), value_at(resources, "InstanceType")
        if key is None or not isinstance(instance, str) or not instance.startswith("ml."):
            continue
        if has_own_storage(instance):
            path = step.argument_path(*keys, "VolumeKmsKeyId")
            yield (
                path,
                f"leave it out on {instance}, whose own storage is always encrypted (got {shown(key)}).",
            )


def tags_are_unique(step: Step) -> Iterator[tuple[str, str]]:
    """Each tag has a key of its own, and none begins with aws:, which is reserved.

    AWS tagging guide, "Tag naming limits and requirements". (At most 50 tags: in the model of the API.)
    """
    tags = entries(step.arguments.get("Tags"))
    keys = Counter(str(tag.get("Key")) for _, tag in tags)
    for index, tag in tags:
        key = str(tag.get("Key"))
        if keys[key] > 1 or key.lower().startswith("aws:"):
            path = step.argument_path("Tags", index, "Key")
            yield path, f"must be unique and not begin with aws:, unlike {shown(key)}."


RULES = (
    s3_uris_are_well_formed,
    s3_keys_have_no_empty_parts,
    kms_keys_are_well_formed,
    volume_key_needs_a_volume,
    tags_are_unique,
)
