"""The commands as an AWS account carries them out: a module for each that has `--target sagemaker`, by its name.

Which module a command is on a target is said in pipeline/cli/targets.py alone.
"""
