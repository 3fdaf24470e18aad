"""Runs one module again and again, each time in a fork that has its imports already: `fork_server.py MODULE.py`.

Each line of stdin holds the arguments of one run, each line of stdout that is not empty its result, both in JSON.
"""

import importlib.util
import json
import os
import sys

from ansible.module_utils import basic

spec = importlib.util.spec_from_file_location("module", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = line.encode(), "legacy"
        try:
            module.main()  # writes its result and exits
        except BaseException as end:
            if not isinstance(end, SystemExit):
                print(json.dumps({"crashed": repr(end)}))
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(pid, 0)
