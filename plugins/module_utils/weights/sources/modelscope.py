"""ModelScope."""

from __future__ import annotations

import json
import os
import sys
from urllib.parse import urlsplit

from ansible.module_utils.messages import N_, Message
from ansible.module_utils.weights.sources.source import SourceError, refused
from ansible.module_utils.weights.sources.tool import Tool

_DOWNLOAD = """
import json, os, sys
request = json.load(sys.stdin)
os.environ.update(request["environment"])
endpoint, token = request["endpoint"], request["token"]
try:
    from modelscope_hub import HubApi
except ImportError:
    from modelscope.hub.file_download import model_file_download
    from requests.cookies import RequestsCookieJar
    cookies = RequestsCookieJar()
    if token:
        cookies.set("m_session_id", token, domain=request["host"])
    repository, name = request["repository"], request["name"]
    model_file_download(repository, name, endpoint=endpoint, cookies=cookies, **request["options"])
else:
    hub = HubApi(endpoint=endpoint, token=token)
    hub.download_file(request["repository"], "model", request["name"], **request["options"])
"""


def _list(endpoint, token, repository, revision):
    """Return path, size and SHA-256 of all files."""
    try:
        from modelscope_hub import HubApi
    except ImportError:  # it needs Python 3.10; its predecessor, the SDK, does not
        from modelscope.hub.api import HubApi as Api
        from requests.cookies import RequestsCookieJar

        cookies = RequestsCookieJar()  # the SDK's own jar has a domain with the port, which matches no host
        if token:
            cookies.set("m_session_id", token, domain=urlsplit(endpoint).hostname)
        entries = Api(endpoint=endpoint).get_model_files(
            repository, revision=revision, recursive=True, use_cookies=cookies
        )
        return [(e["Path"], e["Size"], e.get("Sha256")) for e in entries if e["Type"] != "tree"]
    entries = HubApi(endpoint=endpoint, token=token).list_repo_files(repository, "model", revision=revision)
    return [(e.path, e.size, e.sha256) for e in entries if e.type != "tree"]


class ModelScope(Tool):
    """modelscope.cn with its own SDK."""

    def describe(self):
        """Return commit and files, with the hub's SHA-256."""
        try:
            entries = _list(self.spec["endpoint"], self.spec.get("token") or None, self.repository, self._revision())
        except Exception as error:
            raise refused(error, 60) from error
        files = {
            path: {"size": size or 0, "algorithm": "sha256" if digest else "", "hash": digest or ""}
            for path, size, digest in entries
        }
        if not files:  # the hub's response for an unknown revision
            nothing = N_("it has no files of {repository} at revision {revision}")
            raise SourceError(Message("", nothing, repository=self.repository, revision=self._revision()))
        return "", files

    def _revision(self):
        return "master" if self.revision == "main" else self.revision

    def command(self, folder, sink):
        """Return a Python that downloads one file with the SDK."""
        request = {
            "endpoint": self.spec["endpoint"],
            "host": urlsplit(self.spec["endpoint"]).hostname,
            "token": self.spec.get("token") or None,
            "repository": self.repository,
            "name": sink.name,
            "options": {"revision": self._revision(), "local_dir": folder},
            "environment": {
                "MODELSCOPE_CACHE": os.path.join(folder, ".cache"),
                "MODELSCOPE_HOME": os.path.join(folder, ".cache"),
                "MODELSCOPE_DOWNLOAD_TOTAL_TIMEOUT": "864000",  # its own limit of an hour is short for a slow WAN
                "MODELSCOPE_DOWNLOAD_INTRA_CLOUD": "false",
            },
        }
        return [sys.executable, "-c", _DOWNLOAD], json.dumps(request)
