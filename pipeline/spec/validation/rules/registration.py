"""Rules for RegisterModel steps."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.spec.definition import Step


def package_has_a_group_or_a_name(step: Step) -> Iterator[tuple[str, str]]:
    """A model package is either a version in a group or has a name of its own.

    API reference, CreateModelPackage: ModelPackageGroupName "is required for versioned models", ModelPackageName
    "is required for unversioned models".
    """
    given = [key for key in ("ModelPackageGroupName", "ModelPackageName") if step.arguments.get(key)]
    if len(given) != 1:
        wanted = "either ModelPackageGroupName or ModelPackageName"
        yield step.argument_path(), f"give {wanted}, not {'both' if given else 'neither'}."


RULES = (package_has_a_group_or_a_name,)
