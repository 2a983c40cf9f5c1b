"""One module a command; each has `main(args) -> exit status`."""
