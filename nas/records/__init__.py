"""The history of a search: an Optuna study.

A trial is created in state RUNNING before its training starts, with everything that identifies it, and closed once
with its result, so that a driver killed at any moment loses no finished trial and can take up the running ones.
Dashboard, plots and importances read the same study.
"""

from nas.records.record import STATES, Header, History, Proposal, Record, State
from nas.records.records import Records
from nas.records.study import open_records, open_storage, read_records

__all__ = [
    "STATES",
    "Header",
    "History",
    "Proposal",
    "Record",
    "Records",
    "State",
    "open_records",
    "open_storage",
    "read_records",
]
