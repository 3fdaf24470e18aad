"""Check `engine_extra_args`: options must exist in the engine's version and must not be set by the plan."""

import difflib
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from inferfleet.catalog import Checkpoint, Model
from inferfleet.engines import Engine, Flag, FlagFile, load_flags
from inferfleet.engines.parsers import reasoning_parser
from inferfleet.messages import N_, Message
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.refusals import FlagManaged, FlagUnsupported, Refusal
from inferfleet.versions import version_key

_NEVER = "0"  # `until` of a flag that no version in the catalog has
_TYPO = 0.9  # similarity of a typo; a name that is only alike is another option
_REASONING = ("--reasoning-parser", "--reasoning_parser")
_QUANTIZATION = {
    "fp8": ("fp8",),
    "awq": ("awq", "awq_marlin", "marlin", "moe_wna16"),
    "gptq": ("gptq", "gptq_marlin", "marlin", "moe_wna16"),
    "modelopt_fp4": ("modelopt_fp4", "modelopt"),
    "ascend": ("ascend",),
}
"""Valid values of --quantization by a checkpoint's method (vLLM's override_quantization_method)."""
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_NUMBER = re.compile(r"-\d+(\.\d+)?$")  # argparse parses it as a value


def flag_problems(choice: EngineChoice, model: Model, arguments: Sequence[str]) -> list[Refusal]:
    """Return the problems of options that this engine version does not have, or that the plan sets itself."""
    engine = choice.engine
    listed = load_flags(choice.name, choice.version.version) if choice.known_image else None
    parser = reasoning_parser(model, choice.name, engine, choice.version)
    managed = {**engine.managed, **(dict.fromkeys(_REASONING, "") if parser else {})}
    flags = [flag for word in dict.fromkeys(arguments) if (flag := _flag_in(word, engine))]
    refused = {flag: problem for flag in flags if (problem := _refused(choice, flag, listed, managed))}
    switched, valued = _without_values(arguments, engine, listed)
    stray = _stray_words(switched, engine)
    kept = [word for word in switched if word not in stray]
    change = {"engine_extra_args": _corrected({flag: _new_name(choice, flag) for flag in refused}, kept, engine)}
    return [
        *(
            FlagUnsupported(
                N_("Variable engine_extra_args gives {flag} the value {value!r}, but this option takes none."),
                N_("Write {written} without a value.") if written else N_("Remove {flag} from engine_extra_args."),
                change,
                flag=flag,
                value=value,
                written=written,
            )
            for flag, value, written in valued
            if flag not in refused
        ),
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


def quantization_problems(choice: EngineChoice, checkpoint: Checkpoint, arguments: Sequence[str]) -> list[Refusal]:
    """Return the problem of a quantization method other than that of the checkpoint."""
    allowed = _QUANTIZATION.get(checkpoint.method)
    words = [part for word in arguments for part in (word.split("=", 1) if word.startswith("--") else [word])]
    given = next((value for word, value in pairwise(words) if word in ("--quantization", "-q")), "")
    if not allowed or not given or given in allowed:
        return []
    return [
        FlagUnsupported(
            N_("Variable engine_extra_args has --quantization {given}, but {checkpoint} is quantized with {method}."),
            N_("Remove {flag} from engine_extra_args."),
            {"engine_extra_args": _corrected({"--quantization": "", "-q": ""}, arguments, choice.engine)},
            given=given,
            checkpoint=checkpoint.id,
            method=checkpoint.method,
            flag="--quantization",
        )
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


def _without_values(
    arguments: Sequence[str], engine: Engine, listed: FlagFile | None
) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Return the arguments with switches as argparse accepts them: without a value.

    Also return each corrected switch, the value it had, and what is written instead: the negated switch for false.
    """
    switches = {name: option for option in (listed.options if listed else ()) for name in option}
    kept: list[str] = []
    valued: list[tuple[str, str, str]] = []
    for word in arguments:
        before = _flag_in(kept[-1], engine) if kept else ""
        flag, value = _flag_in(word, engine), word.partition("=")[2]
        if not flag and before and "=" not in kept[-1]:
            flag, value = before, word
        option = switches.get(flag, ("",))
        if not value or not listed or option[0] not in listed.switches or value.lower() not in _TRUTH:
            kept.append(word)
            continue
        negative = _negated(option)
        positive = [name for name in option if name not in negative]
        wanted = _TRUTH[value.lower()] == (flag in positive)
        written = next(iter(positive if wanted else negative), "")
        if flag == before:
            kept.pop()
        valued.append((flag, value, written))
        kept += [written] if written else []
    return kept, valued


def _negated(option: Sequence[str]) -> list[str]:
    """Return the spellings of a switch that turn it off: `--no-enable-x`, and `--disable-x` (vLLM since 0.33)."""
    prefixes = {"--no-enable-": "--disable-", "--no-disable-": "--enable-"}
    off = [name for name in option if name.startswith("--no-")]
    opposite = {new + name.removeprefix(old) for name in off for old, new in prefixes.items() if name.startswith(old)}
    return [*off, *(name for name in option if name in opposite)]


def _lacks(choice: EngineChoice, name: str) -> Message:
    """Return the message that the engine's version lacks a flag, with the version of its addition or removal."""
    engine = f"{choice.engine.title} {choice.version.version}"
    flag = _change_of(choice, name)
    if flag and version_key(choice.version.version) < version_key(flag.since):
        since = N_("{engine} does not have: it was added in {version}")
        return Message("", since, engine=engine, version=flag.since)
    if flag and flag.until != _NEVER:
        until = N_("{engine} does not have: it was removed in {version}")
        return Message("", until, engine=engine, version=flag.until)
    return Message("", N_("{engine} does not have"), engine=engine)


def _change_of(choice: EngineChoice, name: str) -> Flag | None:
    """Return the catalog's entry of a flag that the engine's version lacks."""
    version = version_key(choice.version.version)
    lacking = (f for f in choice.engine.flags if not version_key(f.since) <= version < version_key(f.until))
    return next((flag for flag in lacking if flag.name == name), None)


def _new_name(choice: EngineChoice, name: str) -> str:
    """Return the option that replaces a flag, perhaps with its value; empty if there is none."""
    flag = _change_of(choice, name)
    return flag.renamed if flag and flag.renamed.startswith("-") else ""


def _refused(
    choice: EngineChoice, flag: str, listed: FlagFile | None, managed: Mapping[str, str]
) -> tuple[type[Refusal], Message] | None:
    """Return the problem class of a rejected option, and the remedy with the reason as parameter `why`."""
    options = listed.options if listed else ()
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
    spellings = [spelling for option in options for spelling in option]
    if {flag, flag[:2]} & set(spellings):
        return None
    changed = _change_of(choice, flag)
    if changed or (listed and listed.complete):
        why = _lacks(choice, flag)
        free = [spelling for spelling in spellings if spelling not in managed]
        return FlagUnsupported, _instead(flag, changed, free).with_parameters(flag=flag, why=why)
    return None


def _instead(flag: str, changed: Flag | None, spellings: Sequence[str]) -> Message:
    """Return the remedy for an option that does not exist: its new name, or the name with a typo corrected."""
    if changed and changed.renamed.startswith("-"):
        return Message("", N_("Write {new} instead of {flag} in engine_extra_args."), new=changed.renamed)
    if changed and changed.renamed:
        remedy = N_("Set {setting} instead, and remove {flag} from engine_extra_args.")
        return Message("", remedy, setting=changed.renamed)
    if changed and changed.replaced:
        return Message("", N_("Remove {flag} from engine_extra_args; {new} replaced it."), new=[*changed.replaced])
    near = [] if changed else difflib.get_close_matches(flag, spellings, n=1, cutoff=_TYPO)
    if near:
        guess = N_("Did you mean {nearest}? Otherwise remove {flag} from engine_extra_args.")
        return Message("", guess, nearest=near[0])
    return Message("", N_("Remove {flag} from engine_extra_args."))


def _corrected(renamed: Mapping[str, str], arguments: Sequence[str], engine: Engine) -> list[str]:
    """Return the arguments with the new names, or without an option and its values where that is empty."""
    kept: list[str] = []
    dropping = False
    for word in arguments:
        named = _flag_in(word, engine)
        if named in renamed:
            new = renamed[named].split()
            dropping = len(new) != 1
            kept += [new[0] + word[len(word.partition("=")[0]) :]] if len(new) == 1 else new
        elif named or not dropping:
            dropping = False
            kept.append(word)
    return kept
