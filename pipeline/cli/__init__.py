"""The command line and the notebook: arguments in, one command run, an exit status out.

Begin at `main.py`: it parses, calls a module of `commands/` and turns errors into messages. It may import every
other room.
"""
