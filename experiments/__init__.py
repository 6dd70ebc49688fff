"""The command line `sparsenas`: configs, run directories, terminal output, reports and benchmarks.

From Python, `experiments.running.search(task="digits", trials=40)` is the command `sparsenas search`.
"""
