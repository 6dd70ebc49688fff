"""Guidance of a search by what its records teach: guides, acquisitions and the choice between them.

A guide is one file and one line in `GUIDES` (guidance.py); an acquisition one function and one line in
`ACQUISITIONS`, and for several objectives one in `SCENARIOS` (scenarios.py).
"""

from nas.guidance.acquisition import ACQUISITIONS
from nas.guidance.guidance import GUIDES, Chosen, Guidance, GuidanceSettings
from nas.guidance.guide import Guide
from nas.guidance.guided import guided
from nas.guidance.merit import accuracy, merit
from nas.guidance.scenarios import SCENARIOS

__all__ = [
    "ACQUISITIONS",
    "GUIDES",
    "SCENARIOS",
    "Chosen",
    "Guidance",
    "GuidanceSettings",
    "Guide",
    "accuracy",
    "guided",
    "merit",
]
