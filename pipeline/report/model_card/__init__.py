"""The model card of an execution's winner: checked against SageMaker's schema, and as a text for people.

The evaluation writes it (processing/model_card.py) and registers the package with it; the report shows it, and
leaves it beside itself as model-card.json and model-card.md.
"""
