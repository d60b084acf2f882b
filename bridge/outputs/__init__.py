"""Receivers: one file per kind of output, the table that finds them, and the worker thread that drives each."""
