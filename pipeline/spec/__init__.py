"""The pipeline definition (version 2020-12-01): read, checked, resolved. Knows JSON and SageMaker's requests.

What runs locally and what AWS is sent are checked here. Of this package it imports only what everybody uses.
Begin with definition.py, the model. checking.py refuses what cannot run here, validation/ what the service refuses.
"""
