"""Programs that run in the place of SageMaker's built-in algorithms, each a script for the jobs' own Python."""
