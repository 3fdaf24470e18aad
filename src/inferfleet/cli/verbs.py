"""What the commands that run a playbook differ in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """One command: its name, its playbook, its words for the summary, and whether it changes nodes."""

    name: str
    playbook: str
    done: str
    interrupted: str
    changes: bool = True
    failed: str = "Correct it, then run the same command again: it goes on where it stopped."


UP = Verb(
    name="up",
    playbook="site.yml",
    done="Deployed",
    interrupted="The next `inferfleet up` goes on where this one stopped.",
)
STATUS = Verb(
    name="status",
    playbook="playbooks/status.yml",
    done="Everything answers",
    interrupted="Nothing was changed.",
    changes=False,
)
DOWN = Verb(
    name="down",
    playbook="playbooks/reset.yml",
    done="Removed",
    interrupted="The next `inferfleet down` goes on where this one stopped.",
)
BUNDLE = Verb(
    name="bundle",
    playbook="playbooks/bundle.yml",
    done="The bundle is whole",
    interrupted="What is in the folder is not fetched again by the next `inferfleet bundle`.",
    changes=False,
)
REPORT = Verb(
    name="report",
    playbook="playbooks/report.yml",
    done="The report is written",
    interrupted="Nothing was changed.",
    changes=False,
)
FABRIC = Verb(
    name="fabric",
    playbook="playbooks/fabric.yml",
    done="The network holds",
    interrupted="The next `inferfleet fabric` begins anew.",
)
EVALUATE = Verb(
    name="evaluate",
    playbook="playbooks/evaluate.yml",
    done="Evaluated",
    interrupted="The same command again asks only what was not answered yet.",
    changes=False,
)
WEIGHTS_PULL = Verb(
    name="weights pull",
    playbook="playbooks/weights.yml",
    done="The weights are on every node",
    interrupted="Downloads go on in the background; the next `inferfleet weights pull` joins them.",
)
WEIGHTS_VERIFY = Verb(
    name="weights verify",
    playbook="playbooks/weights_verify.yml",
    done="The weights are right",
    interrupted="The next `inferfleet weights verify` begins anew.",
)
WEIGHTS_LIST = Verb(
    name="weights list",
    playbook="playbooks/weights_list.yml",
    done="Listed",
    interrupted="Nothing was changed.",
    changes=False,
)
WEIGHTS_REMOVE = Verb(
    name="weights remove",
    playbook="playbooks/weights_remove.yml",
    done="Removed",
    interrupted="The next `inferfleet weights remove` goes on where this one stopped.",
)
BENCH = Verb(
    name="bench",
    playbook="playbooks/bench.yml",
    done="Measured",
    interrupted="`inferfleet bench --resume` measures what is missing.",
    failed="Correct it, then run the same command again, or with --resume for what is missing only.",
)
DOCTOR = Verb(
    name="doctor",
    playbook="playbooks/doctor.yml",
    done="Nothing known is wrong",
    interrupted="Nothing was changed.",
    changes=False,
)
