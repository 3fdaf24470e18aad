"""Filters for task results."""

from __future__ import annotations

from inferfleet.messages import N_, Message, Problem
from inferfleet.runner.messages import plain_message


def failure_reason(result, host):
    """Return why a task failed on a host, as the JSON form of a message."""
    if not result.get("problems") and not result.get("msg"):
        return Message("task-failed", N_("A task failed on {host}."), host=host).as_dict()
    return plain_message(result).as_dict()


def gate_refusal(result):
    """Return `limit` if the task that failed is a gate of the upgrade, which rejected the service; empty otherwise."""
    return "limit" if result.get("inferfleet_refusal") == "limit" else ""


def service_failure(reason, answer, logs, refusal=""):
    """Return the JSON form of the problem of a service that did not start, in a list.

    `reason` is the result of `failure_reason`, empty if another node is unreachable; `answer` is the result of module
    `chat_completion` for the restored service, empty if there was none; `logs` is the folder with the logs of the
    containers that failed. `refusal` is `limit` if a gate of the upgrade rejected the service, which answered.
    """
    why = Message("", N_("Another node of the service is unreachable."))
    if reason:
        why = Message.from_dict(reason)
    if "ready" not in answer:
        return [Problem("service-not-started", "{reason}", "", reason=why).as_dict()]
    after = Message("", N_("The previous service is running again."))
    correct = N_(
        "`inferfleet doctor --logs {logs}` reads the logs of the failed containers for the cause. Correct the"
        " settings that changed since the previous deployment, and run `inferfleet up` again."
    )
    if refusal == "limit":
        correct = N_("Change the settings or the version, or what the gate allows (--compare-limit, --within).")
    remedy = correct if reason else ""
    if not answer["ready"]:
        silent = N_("The previous service was restarted, but does not respond: {reason}")
        after = Message("", silent, reason=Message.from_dict(answer["progress"]["text"]))
        remedy = ""
    return [
        Problem("service-not-started", "{reason} {outcome}", remedy, reason=why, outcome=after, logs=logs).as_dict()
    ]


def roll_stopped(result, host):
    """Return the JSON form of the problem of a replica that was not replaced, in a list.

    `result` is that of the task that failed.
    """
    after = N_("{problem} The replicas that follow in the roll were not changed.")
    if given := result.get("problems"):
        return [Problem.from_dict(given[0]).of(after).as_dict()]
    return [Problem("roll-stopped", after, "", problem=Message.from_dict(failure_reason(result, host))).as_dict()]


def first_digests(images):
    """Return the digest of the first image of each host, by host; its id if it comes from no registry."""
    return {
        host: (found[0].get("RepoDigests") or [found[0].get("Id", "")])[0] for host, found in images.items() if found
    }


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "first_digests": first_digests,
            "failure_reason": failure_reason,
            "gate_refusal": gate_refusal,
            "roll_stopped": roll_stopped,
            "service_failure": service_failure,
        }
