"""The pipeline definition (version 2020-12-01): read, checked, resolved. Knows JSON and SageMaker's requests.

Begin with parsing.py: it makes the one model (definition.py), with reading.py, and checks it, with checking.py.
The local engine executes the model; validation/ says what SageMaker alone would refuse of it. What the API takes is
botocore's to say (service_model.py, shapes.py), what runs here the table of step types (step_types/).
Of this package it imports only what everybody uses, and nothing of pipeline/local.
"""
