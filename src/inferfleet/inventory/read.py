"""Read an inventory with Ansible's classes, plugins and vault, without connecting to any host.

Ansible takes most of a second to import, so it is imported only when an inventory is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inferfleet.inventory.connection import CONNECTION
from inferfleet.inventory.model import MAGIC, Inventory
from inferfleet.inventory.options import role_options
from inferfleet.inventory.parsers import parse_failure, program_failure
from inferfleet.inventory.sources import Sources, read_sources
from inferfleet.messages import N_, Message
from inferfleet.runner.errors import UsageError
from inferfleet.settings.model import HOST_KEYS, SECRETS, Settings

if TYPE_CHECKING:
    from ansible.parsing.dataloader import DataLoader  # type: ignore[import-untyped]

PLANNED = frozenset(
    {
        *Settings.model_fields,
        *HOST_KEYS,
        *("ansible_host", "ansible_port", "nvidia_driver_install", "preflight_image_space_gib"),
    }
)
"""Variables that planning reads."""
LOCKED = Message("", N_("it is encrypted, and no password given decrypts it"))
"""Why the value of a setting is unknown."""
_FOREIGN = ("ansible_", "molecule_")  # set by Ansible itself and, in role tests, by Molecule
MAX_CHARACTERS = 1_000_000
"""Of an evaluated variable: an expression of a few characters may return any number of them."""
_REASON = 300  # characters of Ansible's error message


def read_inventory(
    path: str,
    extra: Mapping[str, Any] | None = None,
    root: Path | None = None,
    vault_password_file: Path | None = None,
    vault_password: str | None = None,
) -> Inventory:
    """Return the inventory at `path` with the variables that a playbook of the checkout `root` sees.

    `extra` are variables given with -e. Without a checkout, role variables are unknown. Vault passwords are tried in
    addition to those of Ansible's configuration.

    Raises:
        UsageError: the inventory cannot be read, or is encrypted and its password is missing.
    """
    from ansible.errors import AnsibleError  # type: ignore[import-untyped]
    from ansible.inventory.manager import InventoryManager  # type: ignore[import-untyped]
    from ansible.parsing.dataloader import DataLoader
    from ansible.vars.hostvars import HostVars  # type: ignore[import-untyped]
    from ansible.vars.manager import VariableManager  # type: ignore[import-untyped]

    sources = read_sources([path])
    _start_plugins()
    try:
        loader = DataLoader()
        # Playbooks search group_vars here; group_vars of the working directory do not belong to the inventory.
        folder = Path(path) if Path(path).is_dir() else Path(path).parent
        loader.set_basedir(str(root / "playbooks" if root else folder))
        _unlock(loader, vault_password_file, vault_password)
        manager = InventoryManager(loader=loader, sources=[path])
        variables = VariableManager(loader=loader, inventory=manager)
        variables._extra_vars = _trusted(dict(extra or {}))
        hostvars = HostVars(manager, variables, loader)
        groups = {str(name): [str(host) for host in hosts] for name, hosts in manager.get_groups_dict().items()}
        refuse_unparsed(groups, path, sources)
        refuse_failed_programs(manager, sources)
        options = role_options(root) if root else None
        return collect(groups, hostvars, options, sources=sources, extra=frozenset(extra or ()))
    except AnsibleError as error:
        if _locked(error):
            raise _vault_locked(path) from None
        raise UsageError(
            "inventory-broken",
            N_("Inventory {path} cannot be read: {reason}"),
            N_("Correct it; `ansible-inventory -i {path} --list` shows details."),
            path=path,
            reason=" ".join(str(error).split())[:_REASON],
        ) from None


def read_variables(
    file: Path, vault_password_file: Path | None = None, vault_password: str | None = None
) -> dict[str, Any]:
    """Return the variables of a file given with -e, decrypted with the given and the configured vault passwords.

    Raises:
        UsageError: the file cannot be decrypted, or contains no mapping.
    """
    from ansible.errors import AnsibleError
    from ansible.parsing.dataloader import DataLoader

    _start_plugins()
    loader = DataLoader()
    try:
        _unlock(loader, vault_password_file, vault_password)
        values = loader.load_from_file(str(file)) or {}
    except AnsibleError as error:
        if _locked(error):
            raise _vault_locked(str(file)) from None
        reason = " ".join(str(error).split())[:_REASON]
        raise UsageError(
            "bad-extra-vars",
            N_("File {path} cannot be read: {reason}"),
            N_("Specify a file of variables, `name: value` in each line."),
            path=str(file),
            reason=reason,
        ) from None
    return dict(values)


def _vault_locked(path: str) -> UsageError:
    return UsageError(
        "vault-locked",
        N_("The vault password of {path}, or of a file in it, is missing or wrong."),
        N_("Give it with --ask-vault-pass or --vault-password-file, or set ANSIBLE_VAULT_PASSWORD_FILE."),
        path=path,
    )


def refuse_unparsed(groups: Mapping[str, Sequence[str]], path: str, sources: Sources) -> None:
    """Refuse an inventory that Ansible could not parse: Ansible only warns, and continues without hosts.

    Raises:
        UsageError: the inventory has neither hosts nor groups, or one of its files cannot be parsed, and its files do
            not show why.
    """
    for file in () if sources.problems else sources.static:
        if reason := parse_failure(file):
            raise UsageError(
                "inventory-broken",
                N_("Inventory {path} cannot be read: {reason}"),
                N_("Correct it; `ansible-inventory -i {path} --list` shows details."),
                path=str(file),
                reason=reason,
            )
    if not sources.problems and not groups.get("all") and set(groups) <= {"all", "ungrouped"}:
        raise UsageError(
            "inventory-broken",
            N_("Inventory {path} has no host."),
            N_("Correct it; `ansible-inventory -i {path} --list` shows how Ansible parses it."),
            path=path,
        )


def refuse_failed_programs(manager: Any, sources: Sources) -> None:
    """Refuse scripts and plugins that failed: Ansible only warns, and continues without their hosts and variables.

    Raises:
        UsageError: Ansible's inventory `manager` did not parse one of them.
    """
    parsed = {Path(str(source)).resolve() for source in manager._inventory.processed_sources}
    for file in sources.programs:
        if file.resolve() not in parsed:
            raise UsageError(
                "inventory-program-failed",
                N_("Inventory {path} fails: {reason}"),
                N_("Correct it; `ansible-inventory -i {path} --list` runs it."),
                path=str(file),
                reason=program_failure(file, manager._inventory),
            )


def collect(
    groups: Mapping[str, Iterable[str]],
    hostvars: Mapping[str, Mapping[str, Any]],
    options: Mapping[str, Mapping[str, Any]] | None = None,
    names: frozenset[str] | None = None,
    *,
    sources: Sources | None = None,
    extra: frozenset[str] = frozenset(),
) -> Inventory:
    """Return the inventory loaded by Ansible, with the variables in `names` (None: all) of its hosts."""
    members = {str(name): [str(host) for host in hosts] for name, hosts in groups.items()}
    variables: dict[str, dict[str, Any]] = {}
    unresolved: dict[str, dict[str, Message | str]] = {}
    for host in Inventory(members, {}).hosts:
        variables[host], unresolved[host] = _resolve(hostvars[host], names)
    return Inventory(members, variables, options, unresolved, sources or Sources(), extra)


def _resolve(
    hostvars: Mapping[str, Any], names: frozenset[str] | None
) -> tuple[dict[str, Any], dict[str, Message | str]]:
    """Return the evaluated variables of a host, and the reason for each that cannot be evaluated."""
    from ansible.errors import AnsibleError

    values: dict[str, Any] = {}
    unresolved: dict[str, Message | str] = {}
    for key in hostvars:
        name = str(key)  # YAML also reads numbers and dates as keys
        if name in MAGIC or (names is not None and name not in names):
            continue
        if name.startswith(_FOREIGN) and name not in PLANNED | CONNECTION:
            continue
        try:
            values[name] = _plain(hostvars[key])
            if _characters(values[name]) > MAX_CHARACTERS:
                del values[name]
                unresolved[name] = Message("", N_("it has more than {limit} characters"), limit=MAX_CHARACTERS)
        except AnsibleError as error:
            if not _locked(error):
                unresolved[name] = str(error).splitlines()[0].rstrip(".")
            elif name in CONNECTION and name not in PLANNED:
                continue  # planning does not read it
            elif name in SECRETS or name not in PLANNED:
                values[name] = ""  # planning does not read it
            else:
                unresolved[name] = LOCKED
    return values, unresolved


@cache
def _start_plugins() -> None:
    """Load Ansible's plugin configuration once per process; within Ansible it is already loaded."""
    from ansible.plugins.loader import init_plugin_loader  # type: ignore[import-untyped]

    init_plugin_loader()


def _locked(error: BaseException | None) -> bool:
    """Return whether Ansible failed because it could not decrypt something."""
    while error is not None:
        if type(error).__name__ in ("AnsibleVaultError", "UndecryptableVaultError"):
            return True
        error = error.__cause__ or error.__context__
    return False


def _unlock(loader: "DataLoader", password_file: Path | None, password: str | None) -> None:
    """Pass the given and the configured vault passwords to the loader; never prompt for one."""
    from ansible import constants  # type: ignore[import-untyped]
    from ansible.parsing.vault import (  # type: ignore[import-untyped]
        VaultSecret,
        VaultSecretsContext,
        get_file_vault_secret,
    )

    given = [str(identity) for identity in constants.DEFAULT_VAULT_IDENTITY_LIST or ()]
    if password_file:
        given.append(f"{constants.DEFAULT_VAULT_IDENTITY}@{password_file}")
    if constants.DEFAULT_VAULT_PASSWORD_FILE:
        given.append(f"{constants.DEFAULT_VAULT_IDENTITY}@{constants.DEFAULT_VAULT_PASSWORD_FILE}")
    secrets = [] if password is None else [(constants.DEFAULT_VAULT_IDENTITY, VaultSecret(password.encode()))]
    loader.set_vault_secrets(secrets)
    for identity in given:
        name, _, file = identity.rpartition("@")
        if file.startswith("prompt"):
            continue
        secret = get_file_vault_secret(filename=file, vault_id=name or None, loader=loader)
        secret.load()
        secrets.append((name or constants.DEFAULT_VAULT_IDENTITY, secret))
        loader.set_vault_secrets(secrets)  # the next password may be encrypted with this one
    context = VaultSecretsContext.current(optional=True)
    if context is None:
        VaultSecretsContext.initialize(VaultSecretsContext(secrets))
    else:
        context.secrets = secrets


def _trusted(value: Any) -> Any:
    """Return a value of -e whose expressions are marked as templates, as Ansible requires."""
    from ansible.template import trust_as_template  # type: ignore[import-untyped]

    if isinstance(value, dict):
        return {key: _trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def _characters(value: Any) -> int:
    """Return the number of characters in a value."""
    if isinstance(value, Mapping):
        return sum(len(key) + _characters(item) for key, item in value.items())
    if isinstance(value, list):
        return sum(map(_characters, value))
    return len(value) if isinstance(value, str) else 0


def _plain(value: Any) -> Any:
    """Return a value without Ansible's tags."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return value if kind is bool else kind(value)
    return value
