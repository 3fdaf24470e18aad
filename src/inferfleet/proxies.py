"""Environment variables that select the site's proxy, and keep requests to the cluster's own addresses off it."""

from collections.abc import Iterable, Mapping
from typing import Any

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def bypass_proxy(env: Mapping[str, str], hosts: Iterable[str] = ()) -> dict[str, str]:
    """Return an environment whose programs use no proxy for `hosts` and the loopback addresses.

    Addresses are listed one by one, because most programs ignore networks in no_proxy.
    """
    given = (env.get("no_proxy") or env.get("NO_PROXY") or "").split(",")
    listed = ",".join(dict.fromkeys(host for host in [*map(str.strip, given), *_LOOPBACK, *hosts] if host))
    return {**env, "no_proxy": listed, "NO_PROXY": listed}


def in_both_cases(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment whose proxy variables have both spellings: of two that differ, programs read either."""
    names = {name for name in env if name.lower() in (*_PROXIES, "no_proxy")}
    cases = {case: env[name] for name in sorted(names) for case in (name.lower(), name.upper()) if case not in env}
    return {**env, **cases}


def bypass_given_proxy(env: Mapping[str, str], hosts: Iterable[str] = ()) -> dict[str, str]:
    """Return an environment with `bypass_proxy` if it selects a proxy, otherwise unchanged."""
    return bypass_proxy(env, hosts) if any(name.lower() in _PROXIES for name in env) else dict(env)


def proxy_environment(settings: Mapping[str, Any], hosts: Iterable[str]) -> dict[str, str]:
    """Return the environment that the settings http_proxy, https_proxy and no_proxy select; empty without a proxy."""
    http, https = settings["http_proxy"], settings["https_proxy"] or settings["http_proxy"]
    env = {name: value for name, value in (("http_proxy", http), ("https_proxy", https)) if value}
    if not env:
        return {}
    env |= {name.upper(): value for name, value in env.items()}
    return bypass_proxy({**env, "no_proxy": ",".join(settings["no_proxy"])}, hosts)
