"""The study: every candidate under several seeds in one execution, its expected time, and the tables it leaves."""
