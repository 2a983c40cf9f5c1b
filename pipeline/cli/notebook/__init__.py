"""What the cells of pipeline/studio.ipynb call. Runs in the notebook's kernel, which need not be .venv.

Only the standard library and IPython are imported here: the pipeline itself runs in .venv, as commands. Begin at
`opening.py`, then `project.py`.
"""
