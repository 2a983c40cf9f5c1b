"""The functions of Lambda and Callback steps: a file of the user's for each, run in a process of its own."""
