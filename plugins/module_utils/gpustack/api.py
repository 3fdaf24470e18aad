"""Client of GPUStack's HTTP API: 0.x below /v1, 2.x below /v2, both with HTTP basic authentication."""

from __future__ import annotations

import base64
import json

from ansible.module_utils.http import StatusError, bearer, reason, request_json
from ansible.module_utils.messages import N_, Message

ADMIN = "admin"  # the account both generations create at their first start
PAGE = 100  # entries per request; the default of both generations


class GPUStackError(Exception):
    """GPUStack is unreachable (`status` 0) or rejects a request; `message` is the reason."""

    def __init__(self, message, status=0):
        super().__init__(str(message))
        self.message, self.status = message, status


def unknown_form(url, error):
    """Return the message on a response of unknown format."""
    template = N_("The response of GPUStack at {url} has an unknown format: {reason}.")
    return Message("gpustack-unknown-answer", template, url=url, reason=repr(error))


class Server:
    """One GPUStack server, accessed as one of its users."""

    def __init__(self, url, password, username=ADMIN, timeout=30):
        self.url = url.rstrip("/")
        self.username = username
        self.timeout = timeout
        self._basic = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        self._version = ""

    @property
    def version(self):
        """Version of the server, such as 2.3.0; raises GPUStackError."""
        if not self._version:
            answer = self._send("GET", "/version", None, "")
            try:
                self._version = answer["version"].lstrip("v")
            except (LookupError, TypeError, AttributeError) as error:
                raise GPUStackError(self._not_gpustack()) from error
        return self._version

    @property
    def old(self):
        """Whether the server is of generation 0.x, in which vLLM runs inside GPUStack's own container."""
        return self.version.startswith("0.")

    def call(self, method, path, body=None):
        """Return the decoded response of the management API, None if it has no body; raises GPUStackError."""
        generation = "/v1" if self.old else "/v2"
        return self._send(method, generation + path, body, self._basic)

    def entries(self, path):
        """Return all entries of a paginated listing."""
        found, page = [], 1
        while True:
            answer = self.call("GET", f"{path}?page={page}&perPage={PAGE}")
            try:
                found += answer["items"]
                last = answer["pagination"]["totalPage"]
            except (LookupError, TypeError) as error:
                listing = N_("GPUStack's listing {path} has an unknown format: {reason}")
                message = Message("gpustack-unknown-answer", listing, path=path, reason=repr(error))
                raise GPUStackError(message) from error
            if page >= last:
                return found
            page += 1

    def cluster(self):
        """Return the id of the cluster for our models (2.x): the default one, which has our token."""
        clusters = self.entries("/clusters")
        for cluster in clusters:
            if cluster["is_default"]:
                return cluster["id"]
        names = [cluster["name"] for cluster in clusters] or Message("", N_("none"))
        template = N_("GPUStack at {url} has no default cluster; its clusters are {names}")
        raise GPUStackError(Message("gpustack-no-cluster", template, url=self.url, names=names))

    def serves(self, key):
        """Return whether the OpenAI-compatible API accepts a key."""
        try:
            self._send("GET", "/v1-openai/models", None, bearer(key))
        except GPUStackError as problem:
            if problem.status in (401, 403):
                return False
            raise
        return True

    def _send(self, method, path, body, authorization):
        try:
            return request_json(self.url + path, body, method=method, authorization=authorization, timeout=self.timeout)
        except StatusError as error:
            raise self._rejected(method, path, error) from error
        except OSError as error:
            template = N_("GPUStack is unreachable at {url}: {reason}")
            message = Message("gpustack-no-answer", template, url=self.url, reason=reason(error))
            raise GPUStackError(message) from error
        except ValueError as error:
            raise GPUStackError(self._not_gpustack()) from error

    def _not_gpustack(self):
        return Message("not-gpustack", N_("the service at {url} is not GPUStack"), url=self.url)

    def _rejected(self, method, path, error):
        text = error.text
        if error.status == 401 and path.startswith(("/v1/", "/v2/")):
            template = N_("GPUStack at {url} rejects the password of {user}: it keeps the password of its first start")
            message = Message("gpustack-password-refused", template, url=self.url, user=self.username)
            return GPUStackError(message, 401)
        try:
            answer = json.loads(text)
            text = answer.get("message") or answer.get("detail") or text
        except (ValueError, AttributeError):
            pass
        template = N_("GPUStack returned status {status} for {method} {path}: {text}")
        values = {"status": error.status, "method": method, "path": path, "text": str(text)[:500]}
        return GPUStackError(Message("gpustack-status", template, **values), error.status)
