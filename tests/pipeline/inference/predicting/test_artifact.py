"""Registered artifacts are fetched from the state folder or S3, and used only when every digest is right."""

import gzip
import hashlib
import io
import json
import shutil
import tarfile

import boto3
import pytest
from botocore.stub import ANY, Stubber

from pipeline.errors import RegistryError, StateError
from pipeline.inference.predicting.artifact import fetch_artifact
from pipeline.inference.predicting.extraction import unpack
from pipeline.inference.predicting.models import MAX_ARTIFACT_BYTES, AwsModels, LocalModels
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.registry import Package, choose_package
from tests.pipeline.inference.predicting.tiny_model import CLASSES, GROUP


def package(version=1, approval="Approved", data="s3://bucket/model.tar.gz", **metadata):
    return Package(version, f"arn:aws:sagemaker:::package/{version}", approval, data, "image", None, metadata)


@pytest.fixture
def local_models(registered_home):
    home = Home(registered_home)
    with Store(home) as store:
        yield LocalModels(home, store, GROUP)


def test_the_newest_approved_version_is_chosen(local_models):
    packages = local_models.packages()
    assert [each.version for each in packages] == [4, 3, 2, 1]
    assert choose_package(packages, None, GROUP).version == 1
    assert choose_package(packages, 3, GROUP).approval == "Rejected"


def test_without_an_approved_version_the_newest_that_is_not_rejected_is_chosen():
    packages = [
        package(3, "Rejected"),
        package(2, "PendingManualApproval"),
        package(1, "PendingManualApproval"),
    ]
    assert choose_package(packages, None, GROUP).version == 2
    with pytest.raises(RegistryError, match="3 is Rejected"):
        choose_package(packages[:1], None, GROUP)
    with pytest.raises(RegistryError, match="no versions"):
        choose_package([], None, GROUP)
    with pytest.raises(RegistryError, match=r"has no version 9, only 3, 2, 1\."):
        choose_package(packages, 9, GROUP)
    with pytest.raises(RegistryError, match=r"has no version 9, nor any other\. A run"):
        choose_package([], 9, GROUP)


@pytest.mark.parametrize("compression", ["Gzip", "None"])
def test_a_package_with_a_model_data_source_is_used_or_says_why_not(compression, registered_home, tmp_path):
    shutil.copytree(registered_home, tmp_path / "home")
    home = Home(tmp_path / "home")
    with Store(home) as store, LocalAws(home, store) as aws:
        models = LocalModels(home, store, GROUP)
        uri = choose_package(models.packages(), 1, GROUP).model_data
        kind = "S3Object" if compression == "Gzip" else "S3Prefix"
        source = {"S3Uri": uri, "S3DataType": kind, "CompressionType": compression}
        aws.client("sagemaker").create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [{"Image": "i", "ModelDataSource": {"S3DataSource": source}}],
                "SupportedContentTypes": ["application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )
        aws.persist_registry()
        newest = choose_package(models.packages(), None, GROUP)
        assert (newest.version, newest.model_data) == (5, uri)
        (tmp_path / "work").mkdir()
        if compression == "Gzip":
            assert fetch_artifact(models, newest, tmp_path / "work").class_names == CLASSES
        else:
            with pytest.raises(RegistryError, match=r"names files \(ModelDataSource\), not one archive"):
                fetch_artifact(models, newest, tmp_path / "work")


def test_another_group_has_models_of_its_own(registered_home):
    home = Home(registered_home)
    with Store(home) as store:
        assert LocalModels(home, store, "other").packages() == []


def test_a_registered_artifact_is_fetched_without_a_server(local_models, tmp_path):
    artifact = fetch_artifact(local_models, choose_package(local_models.packages(), 1, GROUP), tmp_path)
    assert artifact.class_names == CLASSES
    assert (artifact.saved_model / "saved_model.pb").is_file()
    assert artifact.sha256 == artifact.package.metadata["artifact_sha256"]


def test_another_artifact_than_the_registered_one_is_refused(local_models, tmp_path):
    with pytest.raises(RegistryError, match=r", not 0000[0-9a-f]*, which was registered"):
        fetch_artifact(local_models, choose_package(local_models.packages(), 4, GROUP), tmp_path)


def test_an_artifact_that_was_damaged_on_disk_is_refused(registered_home, tmp_path):
    root = shutil.copytree(registered_home, tmp_path / "home")
    (stored,) = (path for path in root.glob("objects/*/*") if path.is_file())
    stored.chmod(0o644)
    stored.write_bytes(stored.read_bytes()[:-1])
    with Store(Home(root)) as store:
        models = LocalModels(Home(root), store, GROUP)
        with pytest.raises(Exception, match="bytes instead of"):
            fetch_artifact(models, choose_package(models.packages(), 1, GROUP), tmp_path)


def test_an_artifact_that_is_gone_is_told(local_models, tmp_path):
    with pytest.raises(RegistryError, match=r"no model .* in the local S3"):
        fetch_artifact(local_models, package(data="s3://bucket/gone.tar.gz"), tmp_path)
    with pytest.raises(RegistryError, match="its package names no artifact"):
        fetch_artifact(local_models, package(data=""), tmp_path)


class OneFile:
    """Models whose artifacts all have this content."""

    group = GROUP
    s3 = None

    def __init__(self, content):
        self.content = content

    def packages(self):
        return []

    def fetch(self, uri, path):
        path.write_bytes(self.content)


def archive(*members, document=None):
    """A .tar.gz of (name, content) or TarInfo, with a model.json that lists them."""
    buffer = io.BytesIO()
    plain: dict[str, bytes] = dict(each for each in members if isinstance(each, tuple))
    if document is None:
        files = {name: hashlib.sha256(content).hexdigest() for name, content in plain.items()}
        document = {"class_names": ["a", "b"], "files": files}
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for each in (*members, ("model.json", json.dumps(document).encode())):
            if isinstance(each, tarfile.TarInfo):
                tar.addfile(each)
                continue
            entry = tarfile.TarInfo(each[0])
            entry.size = len(each[1])
            tar.addfile(entry, io.BytesIO(each[1]))
    return buffer.getvalue()


MODEL = ("1/saved_model.pb", b"a model")


def test_an_artifact_as_training_writes_it_is_accepted(tmp_path):
    artifact = fetch_artifact(OneFile(archive(MODEL, ("history.json", b"[]"))), package(), tmp_path)
    assert artifact.class_names == ("a", "b")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "a damaged archive"),
        (archive(MODEL)[:-20], "a damaged archive"),
        (gzip.compress(b"x" * 2000), "a damaged archive"),
        (archive(("other", b"")), "it has no SavedModel in a folder 1"),
        (archive(MODEL, document=[]), "its model.json must be a JSON object, not a list"),
        (
            archive(MODEL, document={"files": {}}),
            r"its files differ from those that its model.json lists: \['1/saved_model.pb'\]",
        ),
        (
            archive(MODEL, document={"files": {MODEL[0]: "0" * 64}}),
            "the SHA-256 of its 1/saved_model.pb is .*, not 0000",
        ),
        (archive(MODEL, document={"class_names": ["a"]}), "must list the digests"),
        (
            archive(
                MODEL,
                document={"files": {MODEL[0]: hashlib.sha256(MODEL[1]).hexdigest()}, "class_names": [1]},
            ),
            "class_names in its model.json must be a list of texts",
        ),
        (archive(MODEL, ("../outside", b"")), "'../outside', which leads outside"),
        (archive(MODEL, ("/etc/passwd", b"")), "which leads outside"),
        (archive(MODEL, MODEL), "one path twice"),
        (archive(MODEL, (f"{MODEL[0]}/below", b"")), "one path twice"),
        (archive(MODEL, ("a" * 300, b"")), "a path that is too long"),
        (archive(MODEL, (f"{'a' * 300}/below", b"")), "a path that is too long"),
    ],
    # An archive's bytes hold the time it was made at, and tests that run in several processes need equal names.
    ids=[
        "no archive",
        "cut off",
        "no tar",
        "no SavedModel",
        "no object in model.json",
        "a file without a digest",
        "another digest",
        "no digests",
        "class names that are no texts",
        "a path that leads out",
        "an absolute path",
        "a file twice",
        "a file that is a folder too",
        "a name that is too long",
        "a folder's name that is too long",
    ],
)
def test_an_artifact_that_is_not_what_training_writes_is_refused(content, message, tmp_path):
    (tmp_path / "work").mkdir()
    with pytest.raises(RegistryError, match=message):
        fetch_artifact(OneFile(content), package(), tmp_path / "work")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(kind, tmp_path):
    entry = tarfile.TarInfo("link")
    entry.type, entry.linkname = kind, "/etc/passwd"
    (tmp_path / "a.tar.gz").write_bytes(archive(MODEL, entry))
    with pytest.raises(RegistryError, match="'link' of tar type"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out", "a.tar.gz")


def test_an_archive_that_unpacks_to_more_than_the_limit_is_refused(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(archive(("zeros", bytes(1 << 20))))
    with pytest.raises(RegistryError, match="more than 100,000 bytes"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out", "a.tar.gz", max_bytes=100_000)


@pytest.fixture
def aws():
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
    sagemaker, s3 = boto3.client("sagemaker", **keys), boto3.client("s3", **keys)
    with Stubber(sagemaker) as of_sagemaker, Stubber(s3) as of_s3:
        yield AwsModels(sagemaker, s3, GROUP), of_sagemaker, of_s3
    sagemaker.close()
    s3.close()


def test_an_artifact_on_aws_is_downloaded(aws, tmp_path):
    from botocore.response import StreamingBody

    models, _, s3 = aws
    content = archive(MODEL)
    where = {"Bucket": "bucket", "Key": "model.tar.gz"}
    s3.add_response("head_object", {"ContentLength": len(content)}, where)
    s3.add_response("get_object", {"Body": StreamingBody(io.BytesIO(content), len(content))}, where)
    assert fetch_artifact(models, package(), tmp_path).sha256 == hashlib.sha256(content).hexdigest()


def full_disk(folder):
    """A file that takes nothing, as on a full disk."""
    (folder / "model.tar.gz").symlink_to("/dev/full")
    return folder / "model.tar.gz"


def test_a_disk_that_is_full_is_told_while_downloading(aws, tmp_path):
    from botocore.response import StreamingBody

    models, _, s3 = aws
    content = bytes(1 << 20)
    s3.add_response("head_object", {"ContentLength": len(content)}, {"Bucket": ANY, "Key": ANY})
    s3.add_response("get_object", {"Body": StreamingBody(io.BytesIO(content), len(content))})
    with pytest.raises(
        StateError, match=r"Downloading the model .*No space left on device\. Free some space"
    ):
        models.fetch("s3://bucket/model.tar.gz", full_disk(tmp_path))


def test_a_disk_that_is_full_is_told_while_copying(local_models, tmp_path):
    uri = choose_package(local_models.packages(), 1, GROUP).model_data
    with pytest.raises(StateError, match=r"Copying the model .*No space left on device\. Free some space"):
        local_models.fetch(uri, full_disk(tmp_path))


def test_a_disk_that_takes_nothing_is_told_while_unpacking(tmp_path):
    import resource

    (tmp_path / "a.tar.gz").write_bytes(archive(("zeros", bytes(1 << 20))))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))  # a larger file is refused as on a full disk
    try:
        with pytest.raises(
            StateError, match=r"Could not unpack a\.tar\.gz into .*: File too large\. Free some"
        ):
            unpack(tmp_path / "a.tar.gz", tmp_path / "out", "a.tar.gz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_artifact_on_aws_that_is_too_large_is_not_downloaded(aws, tmp_path):
    models, _, s3 = aws
    s3.add_response("head_object", {"ContentLength": MAX_ARTIFACT_BYTES + 1}, {"Bucket": ANY, "Key": ANY})
    with pytest.raises(RegistryError, match=r"more than the .* allowed"):
        models.fetch("s3://bucket/model.tar.gz", tmp_path / "model")


def test_refusals_of_aws_are_told_with_a_remedy(aws, tmp_path):
    models, sagemaker, s3 = aws
    s3.add_client_error("head_object", "403", "Forbidden", 403)
    with pytest.raises(RegistryError, match="s3:GetObject"):
        models.fetch("s3://bucket/model.tar.gz", tmp_path / "model")
    sagemaker.add_client_error("list_model_packages", "AccessDeniedException", "no")
    with pytest.raises(RegistryError, match="sagemaker:ListModelPackages"):
        models.packages()
