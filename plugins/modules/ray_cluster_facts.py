#!/usr/bin/python
"""State of a running Ray cluster: nodes, accelerators and actors."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.http import StatusError, bearer, reason, request_json
from ansible.module_utils.messages import N_, Message, joined, progress

DOCUMENTATION = r"""
---
module: ray_cluster_facts
short_description: Return nodes, accelerators and actors of a Ray cluster
description:
  - Queries Ray's state API on the head node (C(/api/v0/nodes), C(/api/v0/actors)), with the cluster's token.
options:
  url:
    description: URL of Ray's dashboard.
    type: str
    default: http://127.0.0.1:8265
  token_file:
    description: File with the cluster's token.
    type: path
    required: true
  nodes:
    description: IPv4 addresses of the expected nodes.
    type: list
    elements: str
    default: []
  accelerators:
    description: Number of expected accelerators.
    type: int
    default: 0
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Wait for both nodes
  ray_cluster_facts:
    token_file: /etc/inferfleet/ray_auth_token
    nodes: [10.0.0.1, 10.0.0.2]
    accelerators: 16
  register: ray
  until: ray.ready
"""

RETURN = r"""
ready:
  description: Whether exactly the expected nodes are alive, with the expected number of accelerators.
  returned: always
  type: bool
nodes:
  description: C(address), C(accelerators) and C(actors) (class names of live actors) of every live node.
  returned: always
  type: list
unknown:
  description: Addresses of live nodes that are not among C(nodes); empty if Ray does not answer.
  returned: always
  type: list
progress:
  description: C(text), present and missing parts, as C(code), C(message), C(template) and C(parameters).
  returned: always
  type: dict
problems:
  description: The same message in a list; empty if C(ready) is true.
  returned: always
  type: list
"""


def listing(url: str, token: str) -> list[dict]:
    """Return the entries of one listing of Ray's state API; raises StatusError, OSError or ValueError."""
    body = request_json(url, authorization=bearer(token), timeout=20)
    if not body["result"]:
        raise ValueError(body["msg"])
    return body["data"]["result"]["result"]


def describe(nodes: list[dict], actors: list[dict]) -> list[dict]:
    """Return the live nodes with their accelerators and actors, the head node first."""
    live = sorted((n for n in nodes if n["state"] == "ALIVE"), key=lambda n: not n["is_head_node"])
    return [
        {
            "address": node["node_ip"],
            "accelerators": int((node.get("resources_total") or {}).get("GPU", 0)),
            "actors": sorted(
                a["class_name"] for a in actors if a["node_id"] == node["node_id"] and a["state"] == "ALIVE"
            ),
        }
        for node in live
    ]


def unknown_nodes(found: list[dict], wanted: list[str]) -> list[str]:
    """Return the addresses of live nodes that are not expected; none if no node is expected by its address."""
    return [node["address"] for node in found if wanted and node["address"] not in wanted]


def status(found: list[dict], wanted: list[str], accelerators: int) -> tuple[bool, Message]:
    """Return whether the cluster is complete, and a message on its nodes and accelerators."""
    addresses = [node["address"] for node in found]
    present = sum(node["accelerators"] for node in found)
    missing = [address for address in wanted if address not in addresses]
    unknown = unknown_nodes(found, wanted)
    size = N_("{nodes} of {all_nodes} nodes, {accelerators} of {all_accelerators} accelerators")
    counts = {"nodes": len(addresses), "all_nodes": len(wanted), "accelerators": present}
    parts = [Message("ray-size", size, all_accelerators=accelerators, **counts)]
    if missing:
        lacking = N_("missing: {addresses} (see `docker logs inferfleet-ray` there)")
        parts.append(Message("ray-nodes-missing", lacking, addresses=missing))
    if unknown:
        surplus = N_("not in this inventory: {addresses} (run `docker rm -f inferfleet-ray inferfleet-engine` there)")
        parts.append(Message("ray-nodes-unknown", surplus, addresses=unknown))
    return not missing and not unknown and present == accelerators, joined(parts)


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "default": "http://127.0.0.1:8265"},
            "token_file": {"type": "path", "required": True, "no_log": False},
            "nodes": {"type": "list", "elements": "str", "default": []},
            "accelerators": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    params = module.params
    found: list[dict] = []
    try:
        with open(params["token_file"]) as token_file:
            token = token_file.read().strip()
        nodes = listing(f"{params['url']}/api/v0/nodes?detail=1&limit=1000", token)
        actors = listing(f"{params['url']}/api/v0/actors?detail=1&limit=1000", token)
        found = describe(nodes, actors)
        ready, text = status(found, params["nodes"], params["accelerators"])
    except StatusError as error:
        refused = N_("The Ray head node returned status {status} ({reason}) at {url}")
        values = {"status": error.status, "reason": error.reason, "url": params["url"]}
        ready, text = False, Message("ray-status", refused, **values)
    except OSError as error:
        unreachable = N_("The Ray head node is unreachable at {url}: {reason}")
        ready, text = False, Message("ray-no-answer", unreachable, url=params["url"], reason=reason(error))
    except (ValueError, LookupError, TypeError) as error:
        other = N_("the service at {url} is not Ray's state API: {reason}")
        ready, text = False, Message("ray-unknown-answer", other, url=params["url"], reason=repr(error))
    unknown = unknown_nodes(found, params["nodes"])
    module.exit_json(changed=False, ready=ready, nodes=found, unknown=unknown, **progress(text, ready))


if __name__ == "__main__":
    main()
