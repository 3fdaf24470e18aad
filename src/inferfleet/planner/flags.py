"""Check `engine_extra_args`: options must exist in the engine's version and must not be set by the plan."""

import difflib
import re
from collections.abc import Collection, Sequence

from inferfleet.engines import Engine, FlagFile, load_flags
from inferfleet.messages import N_, Message
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.refusals import FlagManaged, FlagUnsupported, Refusal
from inferfleet.versions import version_key

_NUMBER = re.compile(r"-\d+(\.\d+)?$")  # argparse parses it as a value


def flag_problems(choice: EngineChoice, arguments: Sequence[str]) -> list[Refusal]:
    """Return the problems of options that this engine version does not have, or that the plan sets itself."""
    listed = load_flags(choice.name, choice.version.version) if choice.known_image else None
    flags = [flag for word in dict.fromkeys(arguments) if (flag := _flag_in(word, choice.engine))]
    refused = {flag: problem for flag in flags if (problem := _refused(choice, flag, listed))}
    stray = _stray_words(arguments, choice.engine)
    kept = [word for word in arguments if word not in stray]
    change = {"engine_extra_args": _without(refused, kept, choice.engine)}
    return [
        *(
            FlagUnsupported(
                N_("Variable engine_extra_args has {word!r}, which is neither an option nor the value of one."),
                N_("Remove {word!r} from engine_extra_args."),
                change,
                word=word,
            )
            for word in dict.fromkeys(stray)
        ),
        *(
            kind(
                N_("Variable engine_extra_args has {flag}, which {why}."), remedy.template, change, **remedy.parameters
            )
            for kind, remedy in refused.values()
        ),
    ]


def flag_warnings(choice: EngineChoice, arguments: Sequence[str]) -> list[Message]:
    """Return the warning that the options cannot be checked, if the catalog has no complete list of them."""
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
                "Variable engine_extra_args has {flags}, which cannot be checked: the catalog does not list all"
                " options of {engine}. The engine does not start with an unknown option."
            ),
            flags=flags,
            engine=what,
        )
    ]


def flags_of(choice: EngineChoice) -> frozenset[str]:
    """Return the flags listed in engine.yml that this version of the engine has."""
    version = version_key(choice.version.version)
    return frozenset(
        flag.name for flag in choice.engine.flags if version_key(flag.since) <= version < version_key(flag.until)
    )


def _flag_in(word: str, engine: Engine) -> str:
    """Return the option that an argument names, in the spelling of the lists; empty for a value."""
    if not word.startswith("-") or word == "-" or _NUMBER.match(word):
        return ""
    flag = word.partition("=")[0]
    if engine.flexible_flags:  # `--max_model_len`, `--compilation-config.mode` and `-O3` are known as well
        if flag.startswith("-O"):
            return ""
        flag = flag.partition(".")[0]
        flag = flag.replace("_", "-") if flag.startswith("--") else flag
    return flag


def _stray_words(arguments: Sequence[str], engine: Engine) -> list[str]:
    """Return the words that no option can have as its value: empty ones, and those without an option before them.

    The lists do not show how many values an option takes, so further words after one are accepted.
    """
    stray = []
    takes_value = False
    for word in arguments:
        if word in ("-", "--") or not word.strip():
            stray.append(word)
        elif _flag_in(word, engine) or word.startswith("-O"):
            takes_value = "=" not in word and not word.startswith("-O")
        elif not takes_value:
            stray.append(word)
    return stray


def _lacks(choice: EngineChoice, name: str) -> Message:
    """Return the message that the engine's version lacks a flag, with the version of its addition or removal."""
    engine = f"{choice.engine.title} {choice.version.version}"
    version = version_key(choice.version.version)
    for flag in choice.engine.flags:
        if flag.name == name and not version_key(flag.since) <= version < version_key(flag.until):
            if version < version_key(flag.since):
                since = N_("{engine} does not have: it was added in {version}")
                return Message("not-yet", since, engine=engine, version=flag.since)
            return Message(
                "gone", N_("{engine} does not have: it was removed in {version}"), engine=engine, version=flag.until
            )
    return Message("", N_("{engine} does not have"), engine=engine)


def _refused(choice: EngineChoice, flag: str, listed: FlagFile | None) -> tuple[type[Refusal], Message] | None:
    """Return the problem class of a rejected option, and the remedy with the reason as parameter `why`."""
    options, managed = listed.options if listed else (), choice.engine.managed
    same = next((option for option in options if flag in option), (flag,))
    if {"--help", "-h"} & {flag, *same}:
        why = Message("", N_("prints help instead of serving"))
        return FlagUnsupported, Message("", N_("Remove {flag} from engine_extra_args."), flag=flag, why=why)
    if flag in choice.engine.option_files:
        remedy = N_("Write the options of the file in engine_extra_args instead of {flag}.")
        why = Message("", N_("reads options from a file, which inferfleet does not check"))
        return FlagUnsupported, Message("", remedy, flag=flag, why=why)
    ours = next((name for name in same if name in managed), None)
    if ours is not None:
        remedy = N_("Its value follows from the inventory: remove {flag} from engine_extra_args.")
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
    """Return the arguments without these options and their values."""
    kept: list[str] = []
    dropping = False
    for word in arguments:
        named = _flag_in(word, engine)
        dropping = named in flags if named else dropping
        if not dropping:
            kept.append(word)
    return kept
