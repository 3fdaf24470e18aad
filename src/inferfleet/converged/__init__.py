"""Whether a deployment would change anything: what it reads on the controller, and what it would find on the nodes.

A deployment that changed nothing leaves a record on the nodes (plugins/module_utils/converged.py). A later one that
reads the same (`inputs`) on nodes in the same state (`observation`) skips the plays between preflight and verification.
"""

from inferfleet.converged.decision import UNCHANGED_GROUP, Decision, decide, not_recorded
from inferfleet.converged.inputs import (
    code_digest,
    controller_files,
    digests,
    needs_complete_run,
    plain,
    secrets_content,
    software_digest,
)
from inferfleet.converged.observation import Observation, load_observation, node_options, stable_facts

__all__ = [
    "UNCHANGED_GROUP",
    "Decision",
    "Observation",
    "code_digest",
    "controller_files",
    "decide",
    "digests",
    "load_observation",
    "needs_complete_run",
    "node_options",
    "not_recorded",
    "plain",
    "secrets_content",
    "software_digest",
    "stable_facts",
]
