#!/usr/bin/python
"""Downloads a model to this node as a part of the distribution to all nodes; runs in the background."""

from __future__ import annotations

import fcntl
import os
import threading
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.messages import N_, Message, failure
from ansible.module_utils.weights import manifest
from ansible.module_utils.weights.store import Store, disk_message
from ansible.module_utils.weights.swarm import PullError, Swarm

DOCUMENTATION = r"""
---
module: weights_pull
short_description: Download a model from its sources and from the other nodes
description:
  - Fetches this node's share of the files from the first source that has each file, and the other pieces from nodes
    that already have them. Each file is verified by its hash.
  - Downloads to a staging folder next to C(path) and moves the files there when all are complete. An existing C(path)
    stays the same folder, so that containers that mount it see the new files. Present data is not fetched again, even
    after the process was killed.
  - A complete node seeds to the C(expected) nodes until they are complete too.
  - During the run it listens on C(port) for the peers' addresses only, and requires the run's token. The transfer is
    not encrypted; the hashes are verified.
options:
  path:
    description: Final folder of the model, the same on every node.
    type: path
    required: true
  files:
    description: Each file's name with C(size) in bytes, C(algorithm) (C(sha256), C(git) or empty) and C(hash).
    type: dict
    required: true
  about:
    description: Repository, revision and commit of the model; written to its manifest.
    type: dict
    default: {}
  node:
    description: Name of this node among C(peers).
    type: str
    required: true
  peers:
    description: All nodes of the run, each with C(name), C(address) and C(port).
    type: list
    elements: dict
    required: true
  wan_nodes:
    description: Names of the nodes that may use the sources, in the same order on all nodes.
    type: list
    elements: str
    required: true
  expected:
    description: Names of the nodes that lacked files at the start of the run.
    type: list
    elements: str
    default: []
  token:
    description: Token that authenticates the nodes of the run.
    type: str
    required: true
  run:
    description: Identifier of the run; nodes of another run are rejected.
    type: str
    required: true
  sources:
    description: Sources in order of preference; see the role's C(model_weights_sources).
    type: list
    elements: dict
    required: true
  tokens:
    description: Tokens of sources that require one, by the source's C(type).
    type: dict
    default: {}
  rounds:
    description: Number of attempts with all sources for a file, with a growing pause between.
    type: int
    default: 3
  workers:
    description: Number of files fetched over the WAN in parallel.
    type: int
    default: 4
  rate_limit:
    description: Rate limit of the WAN for all nodes together in bytes per second; 0 is no limit.
    type: float
    default: 0
  min_rate:
    description: Minimum rate of a source in bytes per second; below it, the next source is used.
    type: float
    default: 0
  stall:
    description: Seconds without data after which the next source is used.
    type: float
    default: 30
  patience:
    description: Seconds without any data after which the node fails.
    type: float
    default: 300
  startup_wait:
    description: Seconds that a node waits for peers to start before it uses the WAN.
    type: float
    default: 20
  poll:
    description: Seconds between two polls of a peer's state.
    type: float
    default: 0.5
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Download DeepSeek-R1
  weights_pull:
    path: /data/models/deepseek-ai/DeepSeek-R1
    files: "{{ manifest.files }}"
    node: node1
    peers: [{name: node1, address: 10.0.0.1, port: 20990}, {name: node2, address: 10.0.0.2, port: 20990}]
    wan_nodes: [node1, node2]
    expected: [node2]
    token: "{{ token }}"
    run: "{{ manifest.commit }}"
    sources: [{type: huggingface, endpoint: https://hf-mirror.com, repository: deepseek-ai/DeepSeek-R1}]
  async: 86400
  poll: 0
"""

RETURN = r"""
wan:
  description: Bytes that this node received over the WAN.
  returned: success
  type: int
wan_seconds:
  description: Seconds between the first and the last byte over the WAN.
  returned: success
  type: float
lan:
  description: Bytes received from other nodes.
  returned: success
  type: int
sent:
  description: Bytes sent to other nodes.
  returned: success
  type: int
seconds:
  description: Seconds until all files were verified.
  returned: success
  type: float
by_source:
  description: Bytes received over the WAN, by source.
  returned: success
  type: dict
by_peer:
  description: Bytes received from other nodes, by node.
  returned: success
  type: dict
events:
  description: Errors that were overcome, as messages with C(code), C(template) and C(parameters).
  returned: always
  type: list
  elements: dict
"""


def report(swarm, path, stop, started):
    """Write the progress once a second until `stop`."""
    while True:
        try:
            state = {**swarm.progress(), "started": started, "time": time.time(), "pid": os.getpid()}
            manifest.write_json(manifest.run_file(path, "progress"), state)
        except OSError:  # the writer of the weights reports a full disk
            pass
        if stop.wait(1):
            return


def pull(params):
    """Download the model; return the result. Raises PullError."""
    path = params["path"]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(manifest.run_file(path, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a download of an earlier run may still be active
        good, missing = manifest.survey(path, params["files"])
        store = Store(path, params["files"])
        store.open(good)
        swarm = Swarm(store, params)
        started, stop = time.time(), threading.Event()
        reporter = threading.Thread(target=report, args=(swarm, path, stop, started), daemon=True)
        reporter.start()
        try:
            swarm.run()
            if not store.is_final:
                store.publish(params["about"])
            seconds = time.time() - started
            swarm.seed()
            return {"changed": bool(missing), "seconds": seconds, **swarm.progress()}
        finally:
            stop.set()
            reporter.join()
            swarm.stop()


def main():
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "files": {"type": "dict", "required": True},
            "about": {"type": "dict", "default": {}},
            "node": {"type": "str", "required": True},
            "peers": {"type": "list", "elements": "dict", "required": True},
            "wan_nodes": {"type": "list", "elements": "str", "required": True},
            "expected": {"type": "list", "elements": "str", "default": []},
            "token": {"type": "str", "required": True, "no_log": True},
            "run": {"type": "str", "required": True},
            "sources": {"type": "list", "elements": "dict", "required": True},
            "tokens": {"type": "dict", "default": {}, "no_log": True},
            "rounds": {"type": "int", "default": 3},
            "workers": {"type": "int", "default": 4},
            "rate_limit": {"type": "float", "default": 0.0},
            "min_rate": {"type": "float", "default": 0.0},
            "stall": {"type": "float", "default": 30.0},
            "patience": {"type": "float", "default": 300.0},
            "startup_wait": {"type": "float", "default": 20.0},
            "poll": {"type": "float", "default": 0.5},
        },
        supports_check_mode=False,
    )
    try:
        module.exit_json(**pull(module.params))
    except PullError as error:
        module.fail_json(**failure(error.message))
    except OSError as error:
        reason = disk_message(error.filename or module.params["path"], error)
        module.fail_json(**failure(Message("disk", N_("{reason}."), reason=reason)))


if __name__ == "__main__":
    main()
