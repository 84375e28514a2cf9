"""Measurements as runnable commands: `python -m benchmarks` prints a table and writes JSON."""
