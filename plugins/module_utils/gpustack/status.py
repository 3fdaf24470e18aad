"""Status of GPUStack's workers and model instances: pure functions over its API responses."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from ansible.module_utils.messages import N_, Message, joined

RESTARTS_GIVEN_UP = 3  # GPUStack waits 5, 10, 20 … seconds between restarts
UTC = timezone.utc  # datetime.UTC needs Python 3.11
STATES = {  # gpustack/schemas/models.py, ModelInstanceStateEnum of 2.3.0 and 0.7.1
    "pending": N_("waiting for a worker"),
    "analyzing": N_("checking the model"),
    "scheduled": N_("assigned to a worker"),
    "initializing": N_("preparing the engine"),
    "downloading": N_("downloading the model"),
    "starting": N_("starting the engine"),
    "running": N_("running"),
    "unreachable": N_("worker unreachable"),
    "error": N_("failed"),
}
MARK = "Deployed by inferfleet"  # description of models that inferfleet may replace


def plain(text):
    """Return a GPUStack message without HTML, on one line."""
    return " ".join(re.sub(r"<[^>]+>", "", text or "").split())


def describe_workers(entries):
    """Return address, name, state, message and number of accelerators of every worker."""
    return [
        {
            "address": entry["ip"],
            "name": entry["name"],
            "state": entry["state"],
            "message": plain(entry.get("state_message")),
            "accelerators": len((entry.get("status") or {}).get("gpu_devices") or []),
        }
        for entry in entries
    ]


def workers_status(workers, nodes, accelerators):
    """Return whether every node is a ready worker with all its accelerators, and a message on the status.

    `nodes`: addresses of the nodes. `accelerators`: total of all nodes, the same number on each.
    """
    per_node = accelerators // len(nodes) if nodes else 0
    ours = {worker["address"]: worker for worker in workers if worker["address"] in nodes}
    ready = [worker for worker in ours.values() if worker["state"] == "ready"]
    present = sum(worker["accelerators"] for worker in ready)
    size = N_("{workers} of {all_workers} workers ready, {accelerators} of {all_accelerators} accelerators")
    counts = {"workers": len(ready), "all_workers": len(nodes), "accelerators": present}
    parts = [Message("gpustack-size", size, all_accelerators=per_node * len(nodes), **counts)]
    missing = [address for address in nodes if address not in ours]
    if missing:
        lacking = N_("not registered: {addresses} (see `docker logs inferfleet-engine` there)")
        parts.append(Message("gpustack-workers-missing", lacking, addresses=missing))
    for worker in ours.values():
        if worker["state"] != "ready":
            state = N_("{address} is {state} ({reason})") if worker["message"] else N_("{address} is {state}")
            values = {"address": worker["address"], "state": worker["state"], "reason": worker["message"]}
            parts.append(Message("gpustack-worker-state", state, **values))
        elif worker["accelerators"] != per_node:
            fewer = N_("{address} has {accelerators} accelerators instead of {expected}")
            values = {"address": worker["address"], "accelerators": worker["accelerators"], "expected": per_node}
            parts.append(Message("gpustack-worker-size", fewer, **values))
    unknown = [w["address"] for w in workers if w["address"] not in nodes and w["state"] == "ready"]
    if unknown:
        foreign = N_("not in this inventory: {addresses} (delete them on GPUStack's Workers page)")
        parts.append(Message("gpustack-workers-unknown", foreign, addresses=unknown))
    complete = len(ready) == len(nodes) and all(worker["accelerators"] == per_node for worker in ready)
    return complete and not unknown, joined(parts)


def differing(current, wanted):
    """Return the sorted fields of a model that differ from `wanted`; other fields are managed by GPUStack."""
    return sorted(name for name, value in wanted.items() if current.get(name) != value)


def stalled(instances):
    """Return whether all instances of a model lack a worker or are in error; their messages may be outdated."""
    return len(instances) > 0 and all(
        instance["state"] == "error" or (instance["state"] == "pending" and bool(instance.get("state_message")))
        for instance in instances
    )


def wanted_model(old, name, path, parameters, spans):
    """Return the fields of a model in the form of this GPUStack generation.

    `spans`: whether the model needs more than one worker.
    """
    return {
        "name": name,
        "description": MARK,
        "source": "local_path",
        "local_path": path,
        "backend": "vllm" if old else "vLLM",
        "backend_parameters": list(parameters),
        "replicas": 1,
        "categories": ["llm"],
        "distributed_inference_across_workers": spans,
        "restart_on_error": True,
    }


def seconds_since(moment, now=None):
    """Return the seconds since a GPUStack timestamp; 0 if it is empty."""
    if not moment:
        return 0.0
    then = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return ((now or datetime.now(UTC)) - then).total_seconds()


def instances_status(instances, patience, now=None):
    """Return (ready, failed, message) of a model's instances.

    `patience`: seconds after which an instance without a suitable worker, or in error, counts as failed: all workers
    were ready before, so further waiting does not help.
    """
    if not instances:
        return False, False, Message("gpustack-no-instance", N_("no instance yet"))
    if any(instance["state"] == "running" for instance in instances):
        return True, False, Message("gpustack-state", N_("running"))
    instance = instances[0]
    state, message = instance["state"], plain(instance.get("state_message"))
    restarts = instance.get("restart_count") or 0
    text = Message("gpustack-state", "{state}", state=Message("", STATES[state]) if state in STATES else state)
    if instance.get("worker_ip"):
        text = Message("gpustack-state", N_("{state} on {address}"), state=text, address=instance["worker_ip"])
    if state == "downloading" and instance.get("download_progress"):
        percent = f"{instance['download_progress']:.0f}"
        text = Message("gpustack-state", N_("{state}, {percent} %"), state=text, percent=percent)
    if restarts:
        after = N_("{state} after {count} restarts") if restarts > 1 else N_("{state} after {count} restart")
        text = Message("gpustack-state", after, state=text, count=restarts)
    if message:
        text = Message("gpustack-state", N_("{state}: {reason}"), state=text, reason=message)
    unsuited = state == "pending" and bool(message) and seconds_since(instance.get("created_at"), now) > patience
    hangs = state == "error" and seconds_since(instance.get("updated_at"), now) > patience
    return False, unsuited or hangs or (state == "error" and restarts >= RESTARTS_GIVEN_UP), text
