"""Small data sets, tiny SavedModels and a local S3 and registry for the tests of processing/."""

import gzip
import hashlib
import io
import json
import os
import tarfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import numpy.typing as npt
import pytest

import normalize
from tests.moto_process import moto_process

REGION = "us-east-1"

Pixels = npt.NDArray[np.uint8]
WriteSet = Callable[..., Path]


def idx_bytes(values: Pixels) -> bytes:
    shape = np.array(values.shape, ">u4").tobytes()
    return bytes([0, 0, 8, values.ndim]) + shape + values.tobytes()


def banded_images(count: int, seed: int) -> tuple[Pixels, Pixels]:
    """Noise, with rows 2k and 2k+1 bright in images of class k: a linear model can tell the classes."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 10).astype(np.uint8)
    rng.shuffle(labels)
    pixels = rng.integers(0, 100, (count, 28, 28), dtype=np.uint8)
    for row in range(2):
        pixels[np.arange(count), 2 * labels.astype(int) + row] += 155
    return pixels, labels


def band_weights(strength: float) -> npt.NDArray[np.float32]:
    """Weights (784×10) that look at the bands; strength 0 makes every class equally likely."""
    weights = np.zeros((28, 28, 10), np.float32)
    for label in range(10):
        weights[2 * label : 2 * label + 2, :, label] = strength
    return weights.reshape(784, 10)


@pytest.fixture(scope="session")
def to_idx() -> Callable[[Pixels], bytes]:
    return idx_bytes


@pytest.fixture(scope="session")
def write_set() -> WriteSet:
    """Writes the four IDX files of a small synthetic set, or of the arrays given, and returns the folder."""

    def write(
        folder: Path, *, train: int = 240, test: int = 60, compress: bool = True, **arrays: Pixels
    ) -> Path:
        train_pixels, train_labels = banded_images(train, seed=1)
        test_pixels, test_labels = banded_images(test, seed=2)
        files = {
            "train-images-idx3-ubyte": arrays.get("train_pixels", train_pixels),
            "train-labels-idx1-ubyte": arrays.get("train_labels", train_labels),
            "t10k-images-idx3-ubyte": arrays.get("test_pixels", test_pixels),
            "t10k-labels-idx1-ubyte": arrays.get("test_labels", test_labels),
        }
        folder.mkdir(parents=True, exist_ok=True)
        for name, values in files.items():
            content = idx_bytes(values)
            if compress:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content, 1, mtime=0))
            else:
                (folder / name).write_bytes(content)
        return folder

    return write


@pytest.fixture(scope="session")
def synthetic_processed(tmp_path_factory: pytest.TempPathFactory, write_set: WriteSet) -> Path:
    """What NormalizeData makes of the synthetic set. Read-only: tests copy it before they change it."""
    raw = write_set(tmp_path_factory.mktemp("raw"))
    output = tmp_path_factory.mktemp("processed")
    normalize.main(normalize.parse_args(["--input", str(raw), "--output", str(output)]))
    return output


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Saves a linear model with the agreed signature (once per kind) and returns its folder."""
    root = tmp_path_factory.mktemp("saved-models")

    def save(strength: float = 1.0, kind: str = "softmax") -> Path:
        folder = root / f"{kind}-{strength}"
        if folder.exists():
            return folder
        import tensorflow as tf

        class Linear(tf.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                self.weights = tf.Variable(band_weights(strength))

            def serve(self, images: Any) -> dict[str, Any]:
                if kind == "breaks":
                    tf.debugging.assert_less(tf.shape(images)[0], 0, "it breaks when it is called")
                logits = tf.reshape(tf.cast(images, tf.float32) / 255.0, [-1, 784]) @ self.weights
                probabilities = logits if kind == "logits" else tf.nn.softmax(logits)
                best = tf.argmin(logits, 1) if kind == "wrong-class" else tf.argmax(logits, 1)
                return {
                    "scores" if kind == "wrong-name" else "probabilities": probabilities,
                    "class_id": best,
                }

        model = Linear()
        signature = tf.function(
            model.serve, input_signature=[tf.TensorSpec([None, 28, 28], tf.uint8, name="images")]
        )
        tf.saved_model.save(model, str(folder), signatures={"serving_default": signature})
        return folder

    return save


@pytest.fixture(scope="session")
def make_artifact(saved_model: Callable[..., Path], synthetic_processed: Path) -> Callable[..., bytes]:
    """A model.tar.gz as a training job leaves it. `change` may alter the files before their digests are taken,
    `tamper` after."""
    data_digest = hashlib.sha256((synthetic_processed / "manifest.json").read_bytes()).hexdigest()

    def make(
        name: str,
        seed: int = 0,
        *,
        strength: float = 1.0,
        kind: str = "softmax",
        params: int = 7850,
        forward_flops: int | None = 15_680,
        change: Callable[[dict[str, bytes]], None] = lambda files: None,
        tamper: Callable[[dict[str, bytes]], None] = lambda files: None,
    ) -> bytes:
        folder = saved_model(strength, kind)
        files = {
            f"1/{path.relative_to(folder).as_posix()}": path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        documents = {
            "metrics.json": {"candidate": name, "seed": seed, "params": params, "epochs": 1}
            | {"train_seconds": 2.5, "images_per_second": 2050.0}
            | ({} if forward_flops is None else {"forward_flops": forward_flops}),
            "history.json": [{"epoch": 1, "train_loss": 0.5, "validation_accuracy": 0.9}],
            "environment.json": {"code_digest": "c" * 64, "data_digest": data_digest}
            | {"hyperparameters": {"epochs": "1"}},
        }
        files |= {path: json.dumps(document).encode() for path, document in documents.items()}
        change(files)
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
        files["model.json"] = json.dumps({"params": params, "files": digests}).encode()
        tamper(files)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for path, content in files.items():
                member = tarfile.TarInfo(path)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return buffer.getvalue()

    return make


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    with moto_process() as url:
        yield url


@pytest.fixture(scope="session")
def clients(moto_server: str) -> Iterator[Callable[[str], Any]]:
    session = boto3.Session("testing", "testing", region_name=REGION)
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = session.client(service, endpoint_url=moto_server)
        return made[service]

    yield client
    for one in made.values():
        one.close()


@pytest.fixture
def aws(
    moto_server: str, clients: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Any]]:
    """Clients of a local S3 (with a bucket named "bucket") and registry, empty again after the test.

    The clients that the code under test makes reach the same.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL": moto_server,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    clients("s3").create_bucket(Bucket="bucket")
    yield clients
    urllib.request.urlopen(f"{moto_server}/moto-api/reset", data=b"").close()
