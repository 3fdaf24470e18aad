"""Static mirrors."""

from __future__ import annotations

from ansible.module_utils.messages import N_, Message
from ansible.module_utils.weights import manifest
from ansible.module_utils.weights.sources.ranged import Ranged
from ansible.module_utils.weights.sources.source import SourceError, cause

# Files requested from a mirror without a listing, in addition to the shards in model.safetensors.index.json.
_USUAL = (
    *("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"),
    *("configuration_deepseek.py", "modeling_deepseek.py", "special_tokens_map.json", "vocab.json", "merges.txt"),
    *("model.safetensors", "LICENSE", "README.md"),
)


class Http(Ranged):
    """Any static mirror: the files of the repository below one URL."""

    def url(self, name):
        """Return the URL of a file."""
        return f"{self.spec['endpoint'].rstrip('/')}/{name}"

    def describe(self):
        """Return the files of the mirror's own manifest, or those of the index with their sizes."""
        from huggingface_hub.utils import get_session

        client = get_session()

        def get(name, method="GET"):
            answer = client.request(method, self.url(name), timeout=60, follow_redirects=True)
            return answer if answer.status_code < 400 else None

        try:
            if (found := get(manifest.NAME)) is not None:
                return manifest.contents(found.json())
            index = get("model.safetensors.index.json")
            names = {*_USUAL, *(index.json()["weight_map"].values() if index is not None else ())}
            names |= {"model.safetensors.index.json"} if index is not None else set()
            files = {}
            for name in sorted(names):
                head = get(name, "HEAD")
                if head is not None:
                    files[name] = {"size": int(head.headers["Content-Length"]), "algorithm": "", "hash": ""}
        except Exception as error:
            raise SourceError(cause(error, 60)) from error
        if "config.json" not in files:
            raise SourceError(Message("", N_("{url} does not exist"), url=self.url("config.json")))
        return "", files
