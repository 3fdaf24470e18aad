"""What a user may add to an engine's command line: options that it has and that the plan does not set itself."""

import difflib
import re
from collections.abc import Collection, Sequence

from inferfleet.engines import Engine, FlagFile, load_flags
from inferfleet.messages import N_, Message
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.refusals import FlagManaged, FlagUnsupported, Refusal
from inferfleet.versions import version_key

_NUMBER = re.compile(r"-\d+(\.\d+)?$")  # argparse takes it for a value


def flag_problems(choice: EngineChoice, arguments: Sequence[str]) -> list[Refusal]:
    """Return what of `engine_extra_args` this version of the engine does not have, or the plan sets already."""
    listed = load_flags(choice.name, choice.version.version) if choice.known_image else None
    flags = [flag for word in dict.fromkeys(arguments) if (flag := _flag_in(word, choice.engine))]
    said = {flag: found for flag in flags if (found := _refused(choice, flag, listed))}
    change = {"engine_extra_args": _without(said, arguments, choice.engine)}
    return [
        kind(N_("Variable engine_extra_args has {flag}, which {why}."), remedy.template, change, **remedy.parameters)
        for kind, remedy in said.values()
    ]


def flag_warnings(choice: EngineChoice, arguments: Sequence[str]) -> list[Message]:
    """Return the warning that nobody has looked at the user's options, where there is no list to compare them with."""
    listed = load_flags(choice.name, choice.version.version) if choice.known_image else None
    known = {spelling for option in (listed.options if listed else ()) for spelling in option}
    flags = [flag for word in arguments if (flag := _flag_in(word, choice.engine)) and flag not in known]
    if not flags or (listed and listed.complete):
        return []
    what = f"{choice.engine.title} {choice.version.version}" if choice.known_image else choice.image
    return [
        Message(
            "flags-unchecked",
            N_(
                "Variable engine_extra_args has {flags}, which could not be checked: the catalog does not know all"
                " options of {engine}. One that it does not have keeps it from starting."
            ),
            flags=flags,
            engine=what,
        )
    ]


def flags_of(choice: EngineChoice) -> frozenset[str]:
    """Return the flags that this version of the engine has, among those that its engine.yml follows."""
    version = version_key(choice.version.version)
    return frozenset(
        flag.name for flag in choice.engine.flags if version_key(flag.since) <= version < version_key(flag.until)
    )


def _flag_in(word: str, engine: Engine) -> str:
    """Return the option that a word of a command line names, in the spelling of the lists; empty for a value."""
    if not word.startswith("-") or word == "-" or _NUMBER.match(word):
        return ""
    flag = word.partition("=")[0]
    if engine.flexible_flags:  # `--max_model_len`, `--compilation-config.mode` and `-O3` are known as well
        if flag.startswith("-O"):
            return ""
        flag = flag.partition(".")[0]
        flag = flag.replace("_", "-") if flag.startswith("--") else flag
    return flag


def _lacks(choice: EngineChoice, name: str) -> Message:
    """Return that the engine's version lacks a flag, with the version that it appeared in or went with, if known."""
    engine = f"{choice.engine.title} {choice.version.version}"
    version = version_key(choice.version.version)
    for flag in choice.engine.flags:
        if flag.name == name and not version_key(flag.since) <= version < version_key(flag.until):
            if version < version_key(flag.since):
                since = N_("{engine} does not have: it appeared in {version}")
                return Message("not-yet", since, engine=engine, version=flag.since)
            return Message(
                "gone", N_("{engine} does not have: it went with {version}"), engine=engine, version=flag.until
            )
    return Message("", N_("{engine} does not have"), engine=engine)


def _refused(choice: EngineChoice, flag: str, listed: FlagFile | None) -> tuple[type[Refusal], Message] | None:
    """Return the class, and the remedy with the reason as parameter `why`, of an option that cannot be given."""
    options, managed = listed.options if listed else (), choice.engine.managed
    same = next((option for option in options if flag in option), (flag,))
    ours = next((name for name in same if name in managed), None)
    if ours is not None:
        remedy = N_("The inventory decides it: remove {flag} from engine_extra_args.")
        if managed[ours]:
            remedy = N_("Set {setting} instead, and remove {flag} from engine_extra_args.")
        why = Message("", N_("inferfleet sets itself"))
        return FlagManaged, Message("", remedy, flag=flag, setting=managed[ours], why=why)
    lacks = _lacks(choice, flag)
    remove = Message("", N_("Remove {flag} from engine_extra_args."), flag=flag, why=lacks)
    if lacks.code:
        return FlagUnsupported, remove
    spellings = [spelling for option in options for spelling in option]
    if listed and listed.complete and not {flag, flag[:2]} & set(spellings):
        near = difflib.get_close_matches(flag, spellings, n=1)
        guess = N_("Did you mean {nearest}? Otherwise remove {flag} from engine_extra_args.")
        return FlagUnsupported, Message("", guess, flag=flag, why=lacks, nearest=near[0]) if near else remove
    return None


def _without(flags: Collection[str], arguments: Sequence[str], engine: Engine) -> list[str]:
    """Return the arguments without some options and the values that follow them."""
    kept: list[str] = []
    dropping = False
    for word in arguments:
        named = _flag_in(word, engine)
        dropping = named in flags if named else dropping
        if not dropping:
            kept.append(word)
    return kept
