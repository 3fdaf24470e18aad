"""Match logs and state against known symptoms, each with cause, check and remedy.

`evidence.py` defines the collected data, `match.py` finds symptoms in it, and `symptoms/<layer>/<id>.yml`, here and in
the folders of engines, is the catalog.
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
