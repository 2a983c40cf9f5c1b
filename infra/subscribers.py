"""Whether anybody is told what the stack's topic tells: a topic without subscribers is silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from infra.aws import Aws

PENDING = "PendingConfirmation"
"""What stands in the place of an ARN until somebody has clicked the link in the mail."""


def tell_of_subscribers(aws: Aws, outputs: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Says so when nobody has subscribed, or has not confirmed it yet."""
    topic = outputs.get("TopicArn")
    if topic is None:
        return
    pages = aws.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [each for page in pages for each in page["Subscriptions"]]
    waiting = [each.get("Endpoint", "") for each in found if each.get("SubscriptionArn") == PENDING]
    if not found:
        say(
            "Nobody is notified of failed executions, models, endpoints and costs. Name an address: python -m "
            "infra deploy --param NotificationEmail=YOU@EXAMPLE.ORG"
        )
    elif waiting:
        say(f"{', '.join(waiting)} receives nothing until the link in AWS's email to it is clicked.")
