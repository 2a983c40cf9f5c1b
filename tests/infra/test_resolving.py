"""The functions of a template, as CloudFormation documents them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.resolving import ACCOUNT, REGION, resolve_template
from infra.template import Template, compact, load_template

TEMPLATE = """
Parameters:
  Size: {Type: Number, Default: 3}
  Switch: {Type: String, Default: "false"}
Conditions:
  IsOn: !Equals [!Ref Switch, "true"]
  IsOff: !Not [!Condition IsOn]
  Both: !And [!Condition IsOn, !Condition IsOff]
  Either: !Or [!Condition IsOn, !Condition IsOff]
Mappings:
  Ids: {us-east-1: {Id: "7"}}
Resources:
  Key: {Type: AWS::KMS::Key}
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "b-${Size}"}}
  Extra: {Type: AWS::SNS::Topic, Condition: IsOn, Properties: {TopicName: t}}
  Thing:
    Type: AWS::X::Y
    Properties: {Value: VALUE}
Outputs:
  Bucket: {Value: !Ref Bucket}
  Extra: {Condition: IsOn, Value: !Ref Extra}
"""


def load(tmp_path: Path, value: str) -> Template:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE.replace("VALUE", value))
    return load_template(path)


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ("!Ref Size", "3"),
        ('!Ref "AWS::Region"', REGION),
        ('!Sub "${AWS::AccountId}/${Size}/${Bucket}/${!Literal}"', f"{ACCOUNT}/3/b-3/${{Literal}}"),
        ("!Sub ['${A}-${Size}', {A: !Ref Bucket}]", "b-3-3"),
        ("!GetAtt Bucket.Arn", "arn:aws:s3:::b-3"),
        ("!GetAtt [Key, Arn]", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/Key"),
        ("!If [IsOn, a, b]", "b"),
        ("!If [Either, a, b]", "a"),
        ("!If [Both, a, b]", "b"),
        ('[a, !If [IsOn, b, !Ref "AWS::NoValue"], c]', ["a", "c"]),
        ('{a: 1, b: !If [IsOn, 2, !Ref "AWS::NoValue"]}', {"a": 1}),
        ("!Join ['-', [a, !Ref Size]]", "a-3"),
        ("!Select [1, [a, b]]", "b"),
        ('!FindInMap [Ids, !Ref "AWS::Region", Id]', "7"),
        ("2012-10-17", "2012-10-17"),
    ],
)
def test_a_function_resolves_to_what_it_stands_for(tmp_path: Path, value: str, resolved: Any) -> None:
    assert resolve_template(load(tmp_path, value)).properties("Thing")["Value"] == resolved


def test_a_resource_and_an_output_are_made_under_their_condition(tmp_path: Path) -> None:
    template = load(tmp_path, "x")
    assert "Extra" not in resolve_template(template).resources
    assert resolve_template(template).outputs == {"Bucket": "b-3"}
    assert resolve_template(template, {"Switch": "true"}).outputs["Extra"].endswith(":t")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("!Ref Nothing", "declares no Nothing"),
        ("!GetAtt Key.Colour", r"attribute Key\.Colour of the template is not known"),
        ("!Cidr [a, 1, 1]", "function Fn::Cidr of the template is not known"),
    ],
)
def test_what_it_does_not_know_is_refused(tmp_path: Path, value: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        resolve_template(load(tmp_path, value))


def test_an_unknown_parameter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Colour"):
        resolve_template(load(tmp_path, "x"), {"Colour": "red"})


def test_the_compact_form_says_the_same(tmp_path: Path) -> None:
    template = load(tmp_path, "!Sub '${Size} ü'")
    again = tmp_path / "again.json"
    again.write_text(compact(template))
    assert load_template(again) == template
    assert "\n" not in compact(template)


def test_the_compact_form_leaves_out_what_is_for_readers_and_checks(tmp_path: Path) -> None:
    template = load(tmp_path, "x")
    whole = compact(template)
    for resource in template["Resources"].values():
        resource["Metadata"] = {"WildcardReasons": {"A": "for readers"}}
    assert compact(template) == whole
