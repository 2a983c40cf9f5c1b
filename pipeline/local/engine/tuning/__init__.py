"""Tuning steps: what their searches propose, their trials while they run, and what they leave behind.

The scheduler runs the trials: they are steps of the execution, each a training job.
"""
