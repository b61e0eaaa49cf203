"""Benchmarks: `python -m bench` measures all and writes RESULTS.md, `python -m bench vm api` some."""
