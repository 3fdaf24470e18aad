"""Finds the API from this machine, before anything is asked of the model."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from inferfleet.evaluate.errors import EvaluationError
from inferfleet.evaluate.reference import nearest
from inferfleet.messages import N_

_TIMEOUT = 10  # seconds: the list of models costs the engine nothing


def find_endpoint(urls: Sequence[str], key: str, model: str) -> str:
    """Return the first of `urls` (with the API's path) that answers and serves `model`.

    Raises:
        EvaluationError: none answers, the key is wrong, or the model is another one.
    """
    reasons = []
    for url in dict.fromkeys(url.rstrip("/") for url in urls):
        try:
            served = [str(entry["id"]) for entry in _get(f"{url}/models", key)["data"]]
        except urllib.error.HTTPError as error:
            if error.code in (401, 403):
                raise EvaluationError(
                    "wrong-key",
                    N_("The API at {url} refuses the key (HTTP {status})."),
                    N_("Set evaluate_api_key to its key, or run `inferfleet up` to give the engine the inventory's."),
                    url=url,
                    status=error.code,
                ) from None
            reasons.append(f"{url}: HTTP {error.code}")
            continue
        except (OSError, ValueError, LookupError, TypeError) as error:
            reasons.append(f"{url}: {getattr(error, 'reason', None) or error}")
            continue
        if model not in served:
            message = N_("The API at {url} does not serve {model}.")
            remedy = N_("Set evaluate_model. {nearest}") if served else N_("Wait until it has loaded a model.")
            offered = nearest(model, served) if served else ""
            raise EvaluationError("unknown-model", message, remedy, url=url, model=repr(model), nearest=offered)
        return url
    raise EvaluationError(
        "no-api",
        N_("No API answers this machine: {reasons}."),
        N_(
            "Run `inferfleet status`; where this machine reaches the API by another address, set evaluate_api_url"
            " to it."
        ),
        reasons="; ".join(reasons),
    )


def _get(url: str, key: str) -> Any:
    """Return the JSON answer; no proxy stands between a deployment and its controller."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    with opener.open(request, timeout=_TIMEOUT) as answer:
        return json.load(answer)
