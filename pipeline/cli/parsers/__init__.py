"""The parsers of the commands, a module for each kind of command; ../parser.py has the table of all.

Begin at `options.py`: what several commands have. Nothing heavy is imported here: `--help` must answer at once.
"""
