"""Problems of the gateway's settings that need the plans or files on the controller."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inferfleet.gateway.backends import backends_of
from inferfleet.gateway.certificate import Pair, pair_problem
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
    return problems + _certificate_problems(certificate, key)


def _certificate_problems(certificate: str, key: str) -> list[Problem]:
    """Return why HAProxy would refuse the files of a certificate and its key; "" where none is set."""
    texts, problems = {}, []
    for name, path in (("gateway_certificate", certificate), ("gateway_key", key)):
        try:
            texts[name] = Path(path).read_text("utf-8") if path else ""
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            problems.append(
                Problem(
                    "file-not-readable",
                    N_("File {path} of {name} cannot be read on the controller: {reason}."),
                    N_("Correct {name}, or let the user of this run read the file."),
                    path=path,
                    name=name,
                    reason=reason,
                )
            )
    if problems or not (certificate and key):
        return problems
    reason = pair_problem(Pair(texts["gateway_certificate"], texts["gateway_key"]))
    return (
        [
            Problem(
                "certificate-not-usable",
                N_("The certificate {path} and its key {key} cannot be used: {reason}."),
                N_("Correct gateway_certificate and gateway_key: a certificate and its unencrypted key, in PEM."),
                path=certificate,
                key=key,
                reason=reason,
            )
        ]
        if reason
        else []
    )
