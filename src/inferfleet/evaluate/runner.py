"""Run EvalScope in its own virtual environment, in which inferfleet is not installed.

Arguments: a folder with `task.json` (EvalScope's TaskConfig), and the PID of the owner; the program exits when the
owner does. EVALSCOPE_API_KEY holds the API key. The result is `outcome.json`: `ok`, and `error` on failure.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path


def end_with(owner: int) -> None:
    """Exit this process, including pending questions, soon after process `owner` has exited."""
    while True:
        try:
            os.kill(owner, 0)
        except ProcessLookupError:
            os._exit(143)
        except PermissionError:
            pass
        time.sleep(1)


def main() -> None:
    """Run the task and write its outcome."""
    folder, owner = Path(sys.argv[1]), int(sys.argv[2])
    threading.Thread(target=end_with, args=(owner,), daemon=True).start()
    outcome = {"ok": True, "error": ""}
    try:
        from evalscope import TaskConfig, run_task

        task = json.loads((folder / "task.json").read_text("utf-8"))
        run_task(TaskConfig(**task, api_key=os.environ["EVALSCOPE_API_KEY"]))
    except Exception as error:
        outcome = {"ok": False, "error": f"{type(error).__name__}: {error}"}
    part = folder / "outcome.part"
    part.write_text(json.dumps(outcome), "utf-8")
    part.rename(folder / "outcome.json")


if __name__ == "__main__":
    main()
