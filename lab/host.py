"""Settings that nodes inherit from this machine: apt mirrors and proxies, CA certificates, the pip index."""

import os
from collections.abc import Iterable, Mapping
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

from lab.shell import run

RELEASE = "bookworm"  # the engine wheels are built for its Python 3.11
DEFAULT_MIRROR = "http://deb.debian.org/debian"
DEFAULT_SECURITY_MIRROR = "http://deb.debian.org/debian-security"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PYPI = "https://pypi.org/simple"
CA_FOLDER = Path("usr/local/share/ca-certificates")
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True)
class Mirrors:
    """Debian mirrors: base URLs of the archive and of the security updates."""

    archive: str = DEFAULT_MIRROR
    security: str = DEFAULT_SECURITY_MIRROR

    def deb822(self, release: str = RELEASE) -> str:
        """Return the content of a `debian.sources` file."""
        return "\n".join(
            f"Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: main\nSigned-By: {KEYRING}\n"
            for uri, suites in (
                (self.archive, f"{release} {release}-updates"),
                (self.security, f"{release}-security"),
            )
        )


def _entries(source: str) -> Iterable[tuple[str, str, str]]:
    """Yield (URI, suite, components) of an apt source, in one-line or deb822 form."""
    stanza: dict[str, str] = {}
    for line in [*source.splitlines(), ""]:
        text = line.split("#")[0].rstrip()
        if text.startswith("deb "):
            fields = [word for word in text.split()[1:] if not word.startswith(("[", "signed-by=", "arch="))]
            fields = [word for word in fields if not word.endswith("]")]
            if len(fields) > 2:
                yield fields[0], fields[1], " ".join(fields[2:])
        elif ":" in text and not text.startswith(" "):
            key, value = text.split(":", 1)
            stanza[key.lower()] = value.strip()
        elif not text and not line.startswith("#"):
            if stanza.get("enabled", "yes").lower() != "no" and "deb" in stanza.get("types", "").split():
                for uri in stanza.get("uris", "").split():
                    for suite in stanza.get("suites", "").split():
                        yield uri, suite, stanza.get("components", "")
            stanza = {}


def mirrors(sources: Iterable[str]) -> Mirrors:
    """Return the Debian mirrors in apt sources (file contents), by default those of Debian."""
    archive = security = None
    for source in sources:
        for uri, suite, components in _entries(source):
            base = uri.rstrip("/")
            if "main" not in components.split() or not uri.startswith(("http://", "https://")):
                continue
            if base.endswith("/debian-security"):
                security = security or base
            elif base.endswith("/debian") and "-" not in suite:
                archive = archive or base
    return Mirrors(archive or DEFAULT_MIRROR, security or DEFAULT_SECURITY_MIRROR)


def pip_settings(files: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the pip index settings of this machine that are valid on other machines.

    `files` are the contents of its pip.conf files, later ones take precedence; local paths are omitted.
    """
    parser = ConfigParser(interpolation=None)
    for content in files:
        parser.read_string(content)
    settings = {}
    for key in ("index-url", "extra-index-url", "trusted-host"):
        variable = f"PIP_{key.upper().replace('-', '_')}"
        value = environment.get(variable) or parser.get("global", key, fallback="") or ""
        words = [word for word in value.split() if not word.startswith(("file:", "/"))]
        if words:
            settings[key] = " ".join(words)
    return settings


def pip_config(settings: Mapping[str, str], own_certificates: bool) -> str:
    """Return the pip.conf of a node, or "" if the defaults of pip are sufficient.

    With `own_certificates` pip trusts the system's bundle, which contains the certificates of this machine.
    """
    lines = {**settings, **({"cert": CA_BUNDLE} if own_certificates else {})}
    return "".join(["[global]\n", *(f"{key} = {value}\n" for key, value in lines.items())]) if lines else ""


def read_pip_settings() -> dict[str, str]:
    """Return `pip_settings` of this machine."""
    files = [Path("/etc/pip.conf"), Path.home() / ".config/pip/pip.conf", Path.home() / ".pip/pip.conf"]
    return pip_settings([file.read_text() for file in files if file.is_file()], os.environ)


def package_index() -> str:
    """Return the URL of the Python package index that this machine uses."""
    return os.environ.get("UV_DEFAULT_INDEX") or read_pip_settings().get("index-url", PYPI)


def apt_proxies(dump: str) -> str:
    """Return the lines of `apt-config dump` that set a proxy."""
    return "".join(f"{line}\n" for line in dump.splitlines() if line.startswith("Acquire::http") and "roxy" in line)


def read_apt_sources() -> list[str]:
    """Return the contents of this machine's apt sources."""
    folder = Path("/etc/apt")
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    return [file.read_text() for file in files if file.suffix in {".list", ".sources"} and file.is_file()]


def inherited_files(release: str = RELEASE) -> dict[str, bytes]:
    """Return path → content of all inherited files, with paths relative to the root of a node."""
    certificates = {
        str(CA_FOLDER / file.name): file.read_bytes() for file in sorted(Path("/", CA_FOLDER).glob("*.crt"))
    }
    texts = {
        "etc/apt/sources.list.d/debian.sources": mirrors(read_apt_sources()).deb822(release),
        "etc/apt/apt.conf.d/90proxy": apt_proxies(run(["apt-config", "dump"])),
        "etc/pip.conf": pip_config(read_pip_settings(), bool(certificates)),
    }
    return certificates | {path: text.encode() for path, text in texts.items() if text}
