"""Match logs and state against known symptoms: what is wrong, why, how to check it, what to do.

`evidence.py` is what there is to look at, `match.py` finds symptoms in it, `symptoms/<layer>/<id>.yml`, here and in
engines' folders, is what is known.
"""

from inferfleet.doctor.evidence import Evidence, Log
from inferfleet.doctor.findings import Diagnosis, Finding, Trace
from inferfleet.doctor.folder import read_evidence, write_diagnosis, write_node, write_service
from inferfleet.doctor.hide import Hider
from inferfleet.doctor.match import diagnose
from inferfleet.doctor.symptom import Severity, Symptom, load_symptoms

__all__ = [
    "Diagnosis",
    "Evidence",
    "Finding",
    "Hider",
    "Log",
    "Severity",
    "Symptom",
    "Trace",
    "diagnose",
    "load_symptoms",
    "read_evidence",
    "write_diagnosis",
    "write_node",
    "write_service",
]
