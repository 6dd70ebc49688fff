"""The report of a search: collect a RunSummary, draw its figures, write one self-contained HTML file."""
