"""Run the steps of an evaluation on the controller (see inferfleet.evaluate)."""

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
    """Argument `step`: plan, tunnel, find, install, start, watch, assess or accept, in this order.

    The API key is read from the variable evaluate_api_key, because arguments are logged; so is evaluate_ca_file.
    """

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        """Run the step."""
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        step = args.pop("step")
        try:
            if step in ("find", "start"):
                args["key"] = str(self._templar.template(task_vars["evaluate_api_key"]) or "EMPTY")
                args["ca_file"] = str(self._templar.template(task_vars["evaluate_ca_file"]) or "")
            return {"changed": False, **getattr(self, f"step_{step}")(**args)}
        except EvaluationError as error:
            return failed([error.problem], "contract")

    def step_plan(self, settings, plan, model, folder, results, resume, begin=True):
        """Check the settings before anything runs; unless it is to `begin`, only that."""
        checked, reference, problems = evaluate.read_settings(settings, Path(folder))
        if problems:
            return failed(problems, "contract")
        if not begin:
            return {}
        task = evaluate.make_task(checked, reference, model, int(plan["max_model_len"]))
        request = evaluate.make_request(checked, task, plan)
        place, resumed = evaluate.choose_folder(Path(results), request, datetime.now(UTC), resume=bool(resume))
        if resumed:
            evaluate.require_ended(place)
        if not self._task.check_mode:
            evaluate.begin(place, request)
        answers = sum(evaluate.questions_of(dataset, checked.limit) for dataset in checked.datasets) * checked.n
        would = N_("A real run would request {count} answers of {model} to {datasets}.")
        if not answers:
            would = N_("A real run would request an unknown number of answers of {model} to {datasets}.")
        about = {"model": model, "count": answers, "datasets": list(task["datasets"])}
        return {
            "inferfleet_warnings": [Problem("check-mode", would, "", **about).as_dict()]
            if self._task.check_mode
            else [],
            "settings": checked.model_dump(mode="json"),
            "task": task,
            "folder": str(place),
            "resumed": resumed,
            "answers": answers,
        }

    def step_install(self, wheels):
        """Create the virtual environment of EvalScope."""
        if self._task.check_mode:
            return {"changed": not evaluate.environment_folder().is_dir()}
        python, made = evaluate.create_environment(wheels=Path(wheels) if wheels else None)
        return {"changed": made, "python": str(python)}

    def step_tunnel(self, command, port):
        """Open a tunnel to the API on the head node until this run ends; return its URL without a path."""
        if self._task.check_mode:
            return {"url": ""}
        return {"url": f"http://127.0.0.1:{evaluate.open_tunnel(command, int(port), os.getppid())}"}

    def step_find(self, urls, model, key, ca_file):
        """Find the API URL that the controller reaches."""
        return {"url": evaluate.find_endpoint(urls, "" if key == "EMPTY" else key, model, ca_file)}

    def step_start(self, folder, python, task, url, key, ca_file):
        """Start EvalScope, which stops when this run ends."""
        started = evaluate.start(Path(folder), Path(python), task, url, key, os.getppid(), ca_file)
        return {"started": started}

    def step_watch(self, folder, answers):
        """Return the progress at the end or after WATCH_SECONDS, because each call adds lines to the log."""
        until = time.monotonic() + WATCH_SECONDS
        while not (progress := evaluate.read_progress(Path(folder))).finished and time.monotonic() < until:
            time.sleep(0.5)
        shown = {"done": progress.answered, "total": answers or None, "unit": "answers"}
        text = N_("The evaluation was not complete after evaluate_time_limit: {count} answers.")
        late = Problem("time-limit", text, N_("Run the same command again to continue."), count=progress.answered)
        report = {
            "msg": str(late),
            "problems": [] if progress.finished else [late.as_dict()],
        }  # for the last retry
        return {"finished": progress.finished, "error": plain(progress.error), "progress": shown, **report}

    def step_assess(self, folder, settings, plan, nodes, image_digest):
        """Write evaluation.json."""
        evaluation = evaluate.assess(Path(folder), Settings(**settings), plan, nodes, image_digest)
        return {"evaluation": evaluation.model_dump(mode="json")}

    def step_accept(self, evaluation, folder):
        """Fail if questions have no answer or a score is below its reference."""
        result = Evaluation.model_validate(evaluation)
        if missing := evaluate.unanswered(result, str(folder)):
            return failed(missing)
        below = evaluate.below_reference(result)
        return failed(below, "limit") if below else {}
