"""GPUStack's HTTP API: of 0.x below /v1, of 2.x below /v2, both with HTTP basic authentication."""

from __future__ import annotations

import base64
import json

from ansible.module_utils.http import StatusError, bearer, reason, request_json
from ansible.module_utils.messages import N_, Message

ADMIN = "admin"  # the account both generations create at their first start
PAGE = 100  # entries asked for at once; both generations' own default


class GPUStackError(Exception):
    """GPUStack does not answer (`status` 0) or refuses a request; `message` is why."""

    def __init__(self, message, status=0):
        super().__init__(str(message))
        self.message, self.status = message, status


def unknown_form(url, error):
    """Return the message on an answer that is not as GPUStack's answers are."""
    template = N_("GPUStack at {url} answers in an unknown form: {reason}.")
    return Message("gpustack-unknown-answer", template, url=url, reason=repr(error))


class Server:
    """One GPUStack server as one of its users sees it."""

    def __init__(self, url, password, username=ADMIN, timeout=30):
        self.url = url.rstrip("/")
        self.username = username
        self.timeout = timeout
        self._basic = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        self._version = ""

    @property
    def version(self):
        """Its version, such as 2.3.0; raises GPUStackError."""
        if not self._version:
            answer = self._send("GET", "/version", None, "")
            try:
                self._version = answer["version"].lstrip("v")
            except (LookupError, TypeError, AttributeError) as error:
                raise GPUStackError(self._not_gpustack()) from error
        return self._version

    @property
    def old(self):
        """Whether it is of generation 0.x, where vLLM runs inside GPUStack's own container."""
        return self.version.startswith("0.")

    def call(self, method, path, body=None):
        """Return the decoded answer of the management API, None where it has no body; raises GPUStackError."""
        generation = "/v1" if self.old else "/v2"
        return self._send(method, generation + path, body, self._basic)

    def entries(self, path):
        """Return all entries of a listing, whatever its pages."""
        found, page = [], 1
        while True:
            answer = self.call("GET", f"{path}?page={page}&perPage={PAGE}")
            try:
                found += answer["items"]
                last = answer["pagination"]["totalPage"]
            except (LookupError, TypeError) as error:
                listing = N_("GPUStack's listing {path} has an unknown form: {reason}")
                message = Message("gpustack-unknown-answer", listing, path=path, reason=repr(error))
                raise GPUStackError(message) from error
            if page >= last:
                return found
            page += 1

    def cluster(self):
        """Return the number of the cluster that takes our models (2.x): the default one, which has our token."""
        clusters = self.entries("/clusters")
        for cluster in clusters:
            if cluster["is_default"]:
                return cluster["id"]
        names = [cluster["name"] for cluster in clusters] or Message("", N_("none"))
        template = N_("GPUStack at {url} has no default cluster among its clusters: {names}")
        raise GPUStackError(Message("gpustack-no-cluster", template, url=self.url, names=names))

    def serves(self, key):
        """Return whether a key opens the OpenAI-compatible API."""
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
            raise self._refused(method, path, error) from error
        except OSError as error:
            template = N_("GPUStack does not answer at {url}: {reason}")
            message = Message("gpustack-no-answer", template, url=self.url, reason=reason(error))
            raise GPUStackError(message) from error
        except ValueError as error:
            raise GPUStackError(self._not_gpustack()) from error

    def _not_gpustack(self):
        return Message("not-gpustack", N_("what answers at {url} is not GPUStack"), url=self.url)

    def _refused(self, method, path, error):
        text = error.text
        if error.status == 401 and path.startswith(("/v1/", "/v2/")):
            template = N_("GPUStack at {url} refuses the password of {user}: it keeps the one of its first start")
            message = Message("gpustack-password-refused", template, url=self.url, user=self.username)
            return GPUStackError(message, 401)
        try:
            answer = json.loads(text)
            text = answer.get("message") or answer.get("detail") or text
        except (ValueError, AttributeError):
            pass
        template = N_("GPUStack answers {status} to {method} {path}: {text}")
        values = {"status": error.status, "method": method, "path": path, "text": str(text)[:500]}
        return GPUStackError(Message("gpustack-status", template, **values), error.status)
