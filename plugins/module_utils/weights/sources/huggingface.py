"""Hugging Face and its mirrors."""

from __future__ import annotations

from ansible.module_utils.weights.sources.ranged import Ranged
from ansible.module_utils.weights.sources.source import refused


class HuggingFace(Ranged):
    """huggingface.co or a mirror of it, with huggingface_hub."""

    def describe(self):
        """Return commit and files of the repository."""
        from huggingface_hub import HfApi

        try:
            info = HfApi(endpoint=self.spec["endpoint"], token=self.spec.get("token") or None).model_info(
                self.repository, revision=self.revision, files_metadata=True, timeout=60
            )
        except Exception as error:
            raise refused(error, 60) from error
        files = {}
        for entry in info.siblings:
            if entry.lfs:
                algorithm, digest = ("sha256", entry.lfs.sha256) if entry.lfs.sha256 else ("", "")
            else:
                algorithm, digest = ("git", entry.blob_id) if entry.blob_id else ("", "")
            files[entry.rfilename] = {"size": entry.size or 0, "algorithm": algorithm, "hash": digest}
        self.revision = info.sha
        return info.sha, files

    def url(self, name):
        """Return the URL of a file."""
        from huggingface_hub import hf_hub_url

        return hf_hub_url(self.repository, name, revision=self.revision, endpoint=self.spec["endpoint"])

    def headers(self):
        """Return the headers of huggingface_hub, with the token if there is one."""
        from huggingface_hub.utils import build_hf_headers

        return build_hf_headers(token=self.spec.get("token") or False)
