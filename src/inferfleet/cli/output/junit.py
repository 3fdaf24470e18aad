"""The JUnit XML of --junit: one test suite per stage, one test case per host."""

import os
import re
from pathlib import Path
from xml.etree import ElementTree as ET

from inferfleet.messages import N_, Message
from inferfleet.runner.errors import UsageError
from inferfleet.runner.outcome import Outcome
from inferfleet.runner.result import HostRun, RunResult, Stage, State

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BAD = (State.FAILED, State.UNREACHABLE)


def check_writable(path: Path) -> None:
    """Raise an error if the report cannot be written.

    Raises:
        UsageError: the folder is missing, or the path is a folder or may not be written.
    """
    folder = path.absolute().parent
    reason: Message | None = None
    if path.is_dir():
        reason = Message("", N_("it is a folder"))
    elif not folder.is_dir():
        reason = Message("", N_("folder {folder} does not exist"), folder=str(folder))
    elif not os.access(path if path.exists() else folder, os.W_OK):
        reason = Message("", N_("permission denied"))
    if reason:
        raise UsageError(
            "junit-not-writable",
            N_("--junit {path} cannot be written: {reason}."),
            N_("Specify a file in an existing folder."),
            path=str(path),
            reason=reason,
        )


def report(command: str, run: RunResult, outcome: Outcome) -> str:
    """Return the report as XML."""
    root = ET.Element("testsuites", name=f"inferfleet {command}")
    for stage in run.stages:
        _add_stage(root, stage, run)
    if not run.failures and not run.problems and outcome not in (Outcome.OK, Outcome.CHANGES_DETECTED):
        suite = ET.SubElement(root, "testsuite", name=command)
        case = ET.SubElement(suite, "testcase", classname="inferfleet", name=command, time="0.000")
        ET.SubElement(case, "error", message=str(outcome)).text = _xml(run.output)
    if outcome is Outcome.CHANGES_DETECTED:
        suite = ET.SubElement(root, "testsuite", name="assert-no-change")
        for item in run.changed_tasks:
            case = ET.SubElement(
                suite,
                "testcase",
                classname=f"inferfleet.{item.stage}",
                name=_xml(f"{item.host}: {item.task}"),
            )
            ET.SubElement(case, "failure", message="The task changed the host.")
    for suite in root:
        _count(suite)
    _count(root)
    root.set("time", f"{run.seconds:.3f}")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_stage(root: ET.Element, stage: Stage, run: RunResult) -> None:
    suite = ET.SubElement(root, "testsuite", name=stage.name)
    for name, host in stage.hosts.items():
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"inferfleet.{stage.name}",
            name=_xml(name),
            time=f"{host.seconds:.3f}",
        )
        if host.state in _BAD:
            messages = _messages(stage, name, run)
            failure = ET.SubElement(case, "failure", message=_xml(messages[0]), type=str(host.state))
            failure.text = _xml("\n".join(messages))
        elif host.state is State.SKIPPED:
            ET.SubElement(case, "skipped")
        elif _was_interrupted(stage, host):
            ET.SubElement(case, "error", message="The run was interrupted.")
    if not stage.hosts:
        case = ET.SubElement(suite, "testcase", classname=f"inferfleet.{stage.name}", name="all", time="0.000")
        ET.SubElement(case, "skipped", message="The stage was not run.")
    suite.set("time", f"{stage.seconds:.3f}")


def _was_interrupted(stage: Stage, host: HostRun) -> bool:
    return stage.state is State.INTERRUPTED and host.state is State.RUNNING


def _messages(stage: Stage, host: str, run: RunResult) -> list[str]:
    found = [
        f"{item.task}: {item.message.render('en')}"
        for item in run.failures
        if (item.stage, item.host) == (stage.name, host)
    ]
    return (
        found
        or [f"{form['message']} {form['remedy']}".rstrip() for form in (p.as_dict() for p in run.problems)]
        or ["The task failed."]
    )


def _count(element: ET.Element) -> None:
    found = list(element.iter("testcase"))
    element.set("tests", str(len(found)))
    for kind, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        element.set(attribute, str(sum(case.find(kind) is not None for case in found)))


def _xml(text: str) -> str:
    """Return `text` without control characters that are invalid in XML."""
    return _NOT_XML.sub("", text)
