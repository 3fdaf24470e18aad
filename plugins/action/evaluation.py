"""The steps of an evaluation on this machine; what they decide is in `inferfleet.evaluate`."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet import evaluate
from inferfleet.evaluate import Evaluation, EvaluationError, Settings
from inferfleet.messages import N_, Problem
from inferfleet.messages.message import plain
from inferfleet.task_result import failed

WATCH_SECONDS = 9


class ActionModule(ActionBase):
    """`step` says which: plan, find, install, start, watch, assess or accept, in this order.

    The API's key is the variable evaluate_api_key itself, no argument: arguments are shown.
    """

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        """Take the step."""
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        step = args.pop("step")
        try:
            if step in ("find", "start"):
                args["key"] = str(self._templar.template(task_vars["evaluate_api_key"]) or "EMPTY")
            return {"changed": False, **getattr(self, f"step_{step}")(**args)}
        except EvaluationError as error:
            return failed([error.problem], "contract")

    def step_plan(self, settings, plan, model, folder, results, resume):
        """Check what is asked, before anything runs."""
        checked, reference, problems = evaluate.read_settings(settings, Path(folder))
        if problems:
            return failed(problems, "contract")
        task = evaluate.make_task(checked, reference, model, int(plan["max_model_len"]))
        request = evaluate.make_request(checked, task, plan)
        place, resumed = evaluate.choose_folder(Path(results), request, datetime.now(UTC), resume=bool(resume))
        if resumed:
            evaluate.require_ended(place)
        if not self._task.check_mode:
            evaluate.begin(place, request)
        answers = sum(evaluate.questions_of(dataset, checked.limit) for dataset in checked.datasets) * checked.n
        would = N_("Would ask {model} for {count} answers to {datasets}.")
        if not answers:
            would = N_("Would ask {model} for an unknown number of answers to {datasets}.")
        about = {"model": model, "count": answers, "datasets": list(task["datasets"])}
        return {
            "inferfleet_warnings": [Problem("would-ask", would, "", **about).as_dict()]
            if self._task.check_mode
            else [],
            "settings": checked.model_dump(mode="json"),
            "task": task,
            "folder": str(place),
            "resumed": resumed,
            "answers": answers,
        }

    def step_install(self, wheels):
        """Make EvalScope's environment."""
        if self._task.check_mode:
            return {"changed": not evaluate.environment_folder().is_dir()}
        python, made = evaluate.create_environment(wheels=Path(wheels) if wheels else None)
        return {"changed": made, "python": str(python)}

    def step_find(self, urls, model, key):
        """Find the API from here."""
        return {"url": evaluate.find_endpoint(urls, "" if key == "EMPTY" else key, model)}

    def step_start(self, folder, python, task, url, key):
        """Start EvalScope; it ends with this run."""
        return {"started": evaluate.start(Path(folder), Path(python), task, url, key, os.getppid())}

    def step_watch(self, folder, answers):
        """Tell how far it is, at its end at once, otherwise after a while: each time makes the run's log longer."""
        until = time.monotonic() + WATCH_SECONDS
        while not (progress := evaluate.read_progress(Path(folder))).finished and time.monotonic() < until:
            time.sleep(0.5)
        shown = {"done": progress.answered, "total": answers or None, "unit": "answers"}
        text = N_("{count} answers within evaluate_time_limit.")
        late = Problem("time-limit", text, N_("Run the same command again: it continues."), count=progress.answered)
        told = {"msg": str(late), "problems": [] if progress.finished else [late.as_dict()]}  # where no try is left
        return {"finished": progress.finished, "error": plain(progress.error), "progress": shown, **told}

    def step_assess(self, folder, settings, plan, nodes, image_digest):
        """Write evaluation.json."""
        evaluation = evaluate.assess(Path(folder), Settings(**settings), plan, nodes, image_digest)
        return {"evaluation": evaluation.model_dump(mode="json")}

    def step_accept(self, evaluation, folder):
        """Fail where questions are without an answer, or a score is below its reference."""
        result = Evaluation.model_validate(evaluation)
        if missing := evaluate.unanswered(result, str(folder)):
            return failed(missing)
        below = evaluate.below_reference(result)
        return failed(below, "limit") if below else {}
