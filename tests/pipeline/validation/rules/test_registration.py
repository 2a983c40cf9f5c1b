import pytest

GROUP = {"Name": "Register", "Type": "RegisterModel", "Arguments": {"ModelPackageGroupName": "models"}}

CASES = [
    (
        "package-has-a-group-or-a-name",
        {"Steps[+]": GROUP},
        {"Register.Arguments.ModelPackageGroupName": ...},
        "Register.Arguments",
    ),
    (
        "package-has-a-group-or-a-name",
        {"Steps[+]": GROUP},
        {"Register.Arguments.ModelPackageName": "model"},
        "Register.Arguments",
    ),
]


@pytest.mark.parametrize(("rule", "good", "bad", "at"), CASES)
def test_a_rule_reports_the_change_that_breaks_it(breaks, rule, good, bad, at):
    breaks(rule, good, bad, at)
