#!/usr/bin/python
"""Whether HTTP services of the node answer; stdlib only, since it runs on the node."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.http import StatusError, reason, request
from ansible.module_utils.messages import N_, Message, joined, progress

DOCUMENTATION = r"""
---
module: http_answers
short_description: Find out whether HTTP services answer with status 200
description:
  - One request to the node for all services, and none of them through a proxy.
options:
  services:
    description: URL of each service by its title.
    type: dict
    required: true
  timeout:
    description: Seconds to wait for each answer.
    type: int
    default: 10
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Wait until the component answers
  http_answers:
    services: {Prometheus: http://127.0.0.1:8410/-/ready}
  register: answers
  until: answers.ready
  retries: 30
  delay: 2
  failed_when: not answers.ready
"""

RETURN = r"""
ready:
  description: Whether all services answered with status 200.
  returned: always
  type: bool
problems:
  description: Which services did not, and why; empty if C(ready) is true.
  returned: always
  type: list
"""


def failure_of(url: str, timeout: int) -> Message | None:
    """Return why a service does not answer with status 200; None if it does."""
    try:
        status, _ = request(url, timeout=timeout)
    except StatusError as error:
        status = error.status
    except OSError as error:
        return reason(error)
    return None if status == 200 else Message("http-status", N_("status {status}"), status=status)


def summary(services: dict[str, str], failures: dict[str, Message]) -> Message:
    """Return a message on the services that do not answer, or that all do."""
    if not failures:
        return Message("http-answers", N_("{services} answer"), services=list(services))
    template = N_("{service} does not answer at {url}: {reason}")
    return joined(
        [
            Message("http-no-answer", template, service=title, url=services[title], reason=why)
            for title, why in failures.items()
        ]
    )


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "services": {"type": "dict", "required": True},
            "timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    services = {str(title): str(url) for title, url in module.params["services"].items()}
    found = {title: failure_of(url, module.params["timeout"]) for title, url in services.items()}
    text = summary(services, {title: why for title, why in found.items() if why})
    ready = not any(found.values())
    module.exit_json(changed=False, ready=ready, **progress(text, ready))


if __name__ == "__main__":
    main()
