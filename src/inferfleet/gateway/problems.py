"""Problems of the gateway's settings that need the plans or files on the controller."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inferfleet.gateway.backends import backends_of
from inferfleet.messages import N_, Problem


def gateway_problems(
    plans: Iterable[Mapping[str, Any]], clients: Sequence[Mapping[str, Any]], certificate: str, key: str
) -> list[Problem]:
    """Return the problems of clients' models, and of a certificate that is set without its key or does not exist."""
    served = [backend.model for backend in backends_of(plans)]
    problems = [
        Problem(
            "unknown-model",
            N_("Client {client} may use model {model}, which no service serves."),
            N_(
                "Write one of the served model names in api_clients, or revoke a client of `inferfleet clients add`:"
                " {served}."
            ),
            client=client["name"],
            model=model,
            served=served,
        )
        for client in clients
        for model in client.get("models", ())
        if model not in served
    ]
    if bool(certificate) != bool(key):
        problems.append(
            Problem(
                "certificate-incomplete",
                N_("Only one of gateway_certificate and gateway_key is set."),
                N_("Set both, or neither to have a certificate issued."),
            )
        )
    problems += [
        Problem(
            "file-missing",
            N_("File {path} of {name} does not exist on the controller."),
            N_("Correct {name}."),
            path=path,
            name=name,
        )
        for name, path in (("gateway_certificate", certificate), ("gateway_key", key))
        if path and not Path(path).is_file()
    ]
    return problems
