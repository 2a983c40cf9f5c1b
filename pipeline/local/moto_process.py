"""The moto server's process: `python -m pipeline.local.moto_process`, started by service.py, ends at EOF of stdin."""
