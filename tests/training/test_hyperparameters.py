import argparse

import pytest

from hyperparameters import Hyperparameters, add_flags, parse
from training_failure import UsageError

CNN = ["--candidate", "cnn-3x3", "--architecture", "cnn", "--kernel-size", "3"]


def parsed(argv: list[str]) -> Hyperparameters:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return parse(parser.parse_args(argv))


def test_strings_become_numbers() -> None:
    flags = ["--seed", "7", "--epochs", "3", "--batch-size", "64", "--learning-rate", "1e-3"]
    assert parsed(CNN + flags) == Hyperparameters(
        candidate="cnn-3x3",
        architecture="cnn",
        kernel_size=3,
        filters=(32, 64),
        seed=7,
        epochs=3,
        batch_size=64,
        learning_rate=0.001,
    )


def test_the_experiment_s_choices_are_read() -> None:
    told = parsed([*CNN, "--filters", "19,39", "--augmentation", "flip", "--label-smoothing", "0.1"])
    assert (told.filters, told.augmentation, told.label_smoothing) == ((19, 39), "flip", 0.1)
    assert parsed([*CNN, "--weight-decay", "0.02"]).weight_decay == 0.02
    assert parsed(["--candidate", "best", "--architecture", "resnet", "--augmentation=full"]).filters is None


def test_filters_of_a_network_without_stages_to_choose_are_refused() -> None:
    with pytest.raises(UsageError, match="filters must be none for architecture resnet"):
        parsed(["--candidate", "best", "--architecture", "resnet", "--filters", "32,64"])


def test_a_dense_network_needs_no_kernel_size() -> None:
    assert parsed(["--candidate", "baseline", "--architecture", "dense"]).kernel_size is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", "0"),
        ("epochs", "-1"),
        ("epochs", "2.5"),
        ("epochs", ""),
        ("batch-size", "0"),
        ("batch-size", "many"),
        ("learning-rate", "-0.1"),
        ("learning-rate", "0"),
        ("learning-rate", "nan"),
        ("learning-rate", "inf"),
        ("learning-rate", "fast"),
        ("seed", "-1"),
        ("seed", "4294967296"),
        ("kernel-size", "4"),
        ("kernel-size", "0"),
        ("architecture", "transformer"),
        ("filters", "32"),
        ("filters", "0,64"),
        ("filters", "32,64,128"),
        ("filters", "wide"),
        ("augmentation", "rotate"),
        ("label-smoothing", "1"),
        ("label-smoothing", "-0.1"),
        ("label-smoothing", "nan"),
        ("weight-decay", "-0.1"),
        ("weight-decay", "2"),
        ("candidate", "../escape"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_name(name: str, value: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parsed([*CNN, f"--{name}={value}"])
    assert f"{name} must be" in str(refusal.value)
    assert f"for --{name};" in str(refusal.value)
    assert value in str(refusal.value)


def test_kernels_of_a_dense_network_are_refused_rather_than_ignored() -> None:
    with pytest.raises(UsageError, match="kernel-size must be none for architecture dense"):
        parsed(["--candidate", "baseline", "--architecture", "dense", "--kernel-size", "3"])


def test_a_convolutional_network_without_a_kernel_size_is_refused() -> None:
    with pytest.raises(UsageError, match="kernel-size must be an odd number"):
        parsed(["--candidate", "cnn", "--architecture", "cnn"])
