"""The launcher `container`: each job's program in a container of its own image, run by Docker or podman."""
