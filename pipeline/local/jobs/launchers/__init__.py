"""The ways to run a job's program: each a Launcher (launcher.py). The engine does not know which one it has."""
