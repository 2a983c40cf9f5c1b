"""Settings refuse what does not go together, before anything is compiled."""

import pytest

from pipeline.cli.commands.compile_options import compile_choices
from pipeline.cli.parser import build_parser
from pipeline.definition.settings import Settings, local_settings
from pipeline.errors import UsageError

ACCOUNT, REGION = "123456789012", "us-east-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def settings(*words: str, **given: object) -> Settings:
    """The settings that these words of a command line make."""
    args = build_parser().parse_args(["run", *words])
    return local_settings(ACCOUNT, REGION, **compile_choices(args, given))


@pytest.mark.parametrize("fewer", [("cnn-3x3", 0), ("cnn-3x3", 3), ("resnet", 1)])
def test_fewer_seeds_are_of_a_chosen_candidate_and_not_more(fewer: tuple[str, int]) -> None:
    with pytest.raises(UsageError, match="NAME:N trains a chosen candidate under the first N of 2 seeds"):
        local_settings("123456789012", "us-east-1", seeds=(0, 1), fewer_seeds=(fewer,))


def test_without_flags_everything_is_off():
    assert settings() == local_settings(ACCOUNT, REGION)


def test_flags_become_settings():
    words = (
        "--spot --subnets subnet-1,subnet-2 --security-groups sg-1 --isolate --encrypt-traffic --instances 2"
    )
    made = settings(*words.split(), "--kms-key", KEY, "--tag", "CostCenter=1234", "--tag", "Team=a=b")
    assert made.spot
    assert made.network_isolation
    assert made.encrypt_traffic
    assert (made.subnets, made.security_groups) == (("subnet-1", "subnet-2"), ("sg-1",))
    assert made.kms_key == KEY
    assert made.tags == (("CostCenter", "1234"), ("Team", "a=b"))
    assert settings("--warm-pool-seconds", "600").warm_pool_seconds == 600


def test_instance_types_matter_with_a_key_alone():
    """Otherwise another instance type would mean another definition, and a compilation."""
    types = {"TrainingInstanceType": "ml.p3.2xlarge", "ProcessingInstanceType": "ml.g5.xlarge"}
    assert settings(**types) == settings()
    made = settings("--kms-key", KEY, **types)
    assert (made.training_instance_type, made.processing_instance_type) == ("ml.p3.2xlarge", "ml.g5.xlarge")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--spot --warm-pool-seconds 60", "--spot and --warm-pool-seconds 60 do not go together"),
        ("--warm-pool-seconds 3601", "must be from 1 to 3600"),
        ("--warm-pool-seconds -1", "not -1"),
        ("--subnets subnet-1", "security groups none"),
        ("--security-groups sg-1", "subnets none"),
        ("--tag CostCenter", "'CostCenter' is not KEY=VALUE"),
        ("--tag A=1 --tag A=2", "(got A, A)"),
        ("--tag Project=mine", "which the pipeline sets itself"),
        ("--tag =1", "a key has 1 to 128"),
        ("--tag aws:x=1", "no key begins with aws:"),
        ("--tag A=<b>", "The tag 'A'='<b>'"),
        (f"--tag A={'b' * 257}", "at most 256 letters"),
    ],
)
def test_what_does_not_go_together_is_refused(words, message):
    with pytest.raises(UsageError) as raised:
        settings(*words.split())
    assert message in str(raised.value)


def test_too_many_tags_are_refused():
    with pytest.raises(UsageError, match="at most 40 different tags"):
        settings(*(word for number in range(41) for word in ("--tag", f"T{number}=x")))


def test_the_time_to_wait_for_spot_instances_is_positive():
    with pytest.raises(UsageError, match="positive number of seconds"):
        Settings(
            account=ACCOUNT,
            region=REGION,
            bucket="b",
            pipeline_role="p",
            job_role="j",
            evaluation_role="e",
            spot=True,
            spot_wait_seconds=0,
        )
