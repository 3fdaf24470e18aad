"""What a user may add to an engine's command line: options that it has and that the plan does not set itself."""

import difflib
import re
from collections.abc import Collection, Sequence

from inferfleet.engines import Engine, FlagFile, load_flags
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.plain import version_key
from inferfleet.planner.refusals import FlagManaged, FlagUnsupported, Refusal

_NUMBER = re.compile(r"-\d+(\.\d+)?$")  # argparse takes it for a value


def flag_problems(choice: EngineChoice, arguments: Sequence[str]) -> list[Refusal]:
    """Return what of `engine_extra_args` this version of the engine does not have, or the plan sets already."""
    listed = load_flags(choice.name, choice.version.version) if choice.known_image else None
    flags = [flag for word in dict.fromkeys(arguments) if (flag := _flag_in(word, choice.engine))]
    said = {flag: found for flag in flags if (found := _refused(choice, flag, listed))}
    change = {"engine_extra_args": _without(said, arguments, choice.engine)}
    return [
        kind(f"Variable engine_extra_args has {flag}, which {why}.", f"{remedy} from engine_extra_args.", change)
        for flag, (kind, why, remedy) in said.items()
    ]


def flag_cautions(choice: EngineChoice, arguments: Sequence[str]) -> list[str]:
    """Return the warning that nobody has looked at the user's options, where there is no list to compare them with."""
    listed = load_flags(choice.name, choice.version.version) if choice.known_image else None
    known = {spelling for option in (listed.options if listed else ()) for spelling in option}
    flags = [flag for word in arguments if (flag := _flag_in(word, choice.engine)) and flag not in known]
    if not flags or (listed and listed.complete):
        return []
    what = f"{choice.engine.title} {choice.version.version}" if choice.known_image else choice.image
    return [
        f"Variable engine_extra_args has {', '.join(flags)}, which could not be checked: the catalog does not know all"
        f" options of {what}. One that it does not have keeps it from starting."
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


def _went(choice: EngineChoice, name: str) -> str:
    version = version_key(choice.version.version)
    for flag in choice.engine.flags:
        if flag.name == name and not version_key(flag.since) <= version < version_key(flag.until):
            return f"appeared in {flag.since}" if version < version_key(flag.since) else f"went with {flag.until}"
    return ""


def _refused(choice: EngineChoice, flag: str, listed: FlagFile | None) -> tuple[type[Refusal], str, str] | None:
    """Return the class, reason and remedy of an option that cannot be given; None for one that can."""
    options, managed = listed.options if listed else (), choice.engine.managed
    same = next((option for option in options if flag in option), (flag,))
    ours = next((name for name in same if name in managed), None)
    if ours is not None:
        instead = f"Set {managed[ours]} instead, and remove" if managed[ours] else "The inventory decides it: remove"
        return FlagManaged, "inferfleet sets itself", f"{instead} {flag}"
    lacks = f"{choice.engine.title} {choice.version.version} does not have"
    went = _went(choice, flag)
    if went:
        return FlagUnsupported, f"{lacks}: it {went}", f"Remove {flag}"
    spellings = [spelling for option in options for spelling in option]
    if listed and listed.complete and not {flag, flag[:2]} & set(spellings):
        near = difflib.get_close_matches(flag, spellings, n=1)
        return FlagUnsupported, lacks, f"Did you mean {near[0]}? Otherwise remove {flag}" if near else f"Remove {flag}"
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
