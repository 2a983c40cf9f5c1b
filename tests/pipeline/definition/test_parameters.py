import pytest

from pipeline.definition.parameters import LOCAL_VALUES, PARAMETERS, parse_parameters
from pipeline.errors import UsageError


def test_values_get_their_parameters_types():
    values = parse_parameters(["Epochs=2", "LearningRate=1e-3", "InputDataUri=s3://b/k=v"])
    assert values == {"Epochs": 2, "LearningRate": 0.001, "InputDataUri": "s3://b/k=v"}
    assert isinstance(values["Epochs"], int)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ModelPackageGroupName", "my-models-2"),
        ("ChampionModelPackage", "none"),
        ("ChampionModelPackage", "arn:aws:sagemaker:us-east-1:123456789012:model-package/fashion-mnist/12"),
        ("InputDataUri", "s3://my-bucket/data/raw/"),
    ],
)
def test_a_text_of_the_right_form_is_taken_as_it_is(name, text):
    assert parse_parameters([f"{name}={text}"]) == {name: text}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("Epochs=0", r"must be a whole number from 1 to 10000, not '0'\. Nothing"),
        ("Epochs=3.5", "must be a whole number"),
        ("Epochs=", "must be a whole number"),
        ("Epochs=99999999", "from 1 to 10000"),
        ("LearningRate=-0.1", "must be a number above 0 and at most 10, not '-0.1'"),
        ("LearningRate=0", "above 0"),
        ("LearningRate=nan", "above 0"),
        ("LearningRate=inf", "above 0"),
        ("LearningRate=fast", "must be a number"),
        ("MinAccuracy=1.01", "must be a number from 0 to 1, not '1.01'"),
        ("BatchSize=-1", "from 1 to 65536"),
        ("ModelApprovalStatus=approved", "one of PendingManualApproval, Approved, Rejected"),
        (
            "InputDataUri=/home/me/data",
            "s3://bucket/folder .a folder of this machine is named with --data",
        ),
        ("ModelPackageGroupName=", "1 to 63 letters, digits and inner hyphens"),
        ("ModelPackageGroupName=my_models", "not 'my_models'"),
        ("ModelPackageGroupName=-models", "inner hyphens"),
        (f"ModelPackageGroupName={'m' * 64}", "1 to 63"),
        ("ChampionModelPackage=3", "must be none, or arn:…:model-package/<group>/<version>"),
        ("ChampionModelPackage=", "must be none, or arn"),
        ("TrainingImageUri=", "must be a text that is not empty"),
        ("epochs=3", r"There is no parameter 'epochs', .* Did you mean Epochs\?"),
        ("Speed=3", "There is no parameter 'Speed'"),
        ("Epochs", "set as NAME=VALUE, for example Epochs=1, not 'Epochs'"),
    ],
)
def test_a_wrong_assignment_is_refused_with_what_was_expected(assignment, message):
    with pytest.raises(UsageError, match=message):
        parse_parameters([assignment])


def test_a_parameter_given_twice_is_refused():
    with pytest.raises(UsageError, match="set twice, the second time to '2'"):
        parse_parameters(["Epochs=1", "Epochs=2"])


def test_defaults_and_local_values_are_within_their_own_bounds():
    for parameter in PARAMETERS:
        if parameter.default is not None:
            assert parameter.parse(str(parameter.default)) == parameter.default
    for name, value in LOCAL_VALUES.items():
        assert parse_parameters([f"{name}={value}"]) == {name: value}
