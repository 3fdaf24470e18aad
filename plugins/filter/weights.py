"""Filters of the role model_weights, and of the other roles for folders of models."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from inferfleet.catalog.folder import blob_mounts, provided_folders
from inferfleet.weights import (
    BadSourceError,
    controller_folders,
    link_speeds,
    models_of_nodes,
    peers,
    repairs,
    resolve_sources,
    weights_report,
)


def _resolve(given, plan, revision, endpoint, folders=None):
    return resolve_sources(
        given,
        repository=plan["checkpoint"],
        modelscope=plan["checkpoint_modelscope"],
        hub=plan["checkpoint_hub"],
        revision=revision,
        endpoint=endpoint,
        folders=folders,
    )


def weights_sources(given, plan, revision, endpoint, folders=None):
    """Return `model_weights_sources` completed from the plan; fail if an entry is invalid."""
    try:
        return _resolve(given, plan, revision, endpoint, folders)
    except BadSourceError as error:
        raise AnsibleFilterError(str(error)) from error


def weights_source_problems(given, plan, revision, endpoint):
    """Return the problem of `model_weights_sources` in JSON form, in a list of one or none."""
    try:
        _resolve(given, plan, revision, endpoint)
    except BadSourceError as error:
        return [error.problem.as_dict()]
    return []


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "weights_blob_mounts": blob_mounts,
            "weights_controller_folders": controller_folders,
            "weights_link_speeds": link_speeds,
            "weights_models": models_of_nodes,
            "weights_peers": peers,
            "weights_provided_folders": provided_folders,
            "weights_repairs": repairs,
            "weights_report": weights_report,
            "weights_source_problems": weights_source_problems,
            "weights_sources": weights_sources,
        }
