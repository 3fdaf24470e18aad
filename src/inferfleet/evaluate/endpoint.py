"""Find an API that the controller can reach, before any question is sent."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from inferfleet.evaluate.errors import EvaluationError
from inferfleet.evaluate.reference import nearest
from inferfleet.messages import N_

_TIMEOUT = 10  # seconds; listing models is cheap for the engine


def find_endpoint(urls: Sequence[str], key: str, model: str, ca_file: str = "") -> str:
    """Return the first of `urls` (with the API's path) that responds and serves `model`.

    `ca_file`: the CA to trust besides those of the system; empty: only those.

    Raises:
        EvaluationError: no API responds, the key is wrong, or the model is not served.
    """
    reasons = []
    for url in dict.fromkeys(url.rstrip("/") for url in urls):
        try:
            served = [str(entry["id"]) for entry in _get(f"{url}/models", key, ca_file)["data"]]
        except urllib.error.HTTPError as error:
            if error.code in (401, 403):
                raise EvaluationError(
                    "wrong-key",
                    N_("The API at {url} rejects the key (HTTP {status})."),
                    N_(
                        "Set evaluate_api_key to the key of the API, or run `inferfleet up` to start the engine with"
                        " the key of the inventory."
                    ),
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
            remedy = (
                N_("Set evaluate_model. {nearest}") if served else N_("Wait until the engine has loaded the model.")
            )
            offered = nearest(model, served) if served else ""
            raise EvaluationError("unknown-model", message, remedy, url=url, model=repr(model), nearest=offered)
        return url
    raise EvaluationError(
        "no-api",
        N_("No API responds: {reasons}."),
        N_(
            "Run `inferfleet status`; if the controller reaches the API at another address, set evaluate_api_url to it."
            " If the node firewall closes the API to the controller, add it to firewall_allowed_networks."
        ),
        reasons="; ".join(reasons),
    )


def _get(url: str, key: str, ca_file: str) -> Any:
    """Return the JSON response; proxies are bypassed between controller and deployment."""
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    with opener.open(request, timeout=_TIMEOUT) as answer:
        return json.load(answer)
