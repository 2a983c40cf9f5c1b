"""Fashion-MNIST: where its four files are found or fetched, checked, and uploaded to.

Begin at `choice.py`. Imports no other room.
"""
