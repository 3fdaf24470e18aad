"""Fails at import on a Python that is too old for the modules; this file itself must run on Python 3.6."""

import json
import sys

FLOOR = (3, 9)

if sys.version_info < FLOOR:
    version, floor = (".".join(map(str, numbers)) for numbers in (sys.version_info[:3], FLOOR))
    message = "Python {} at {} is too old for inferfleet's modules. Install Python {} or later on the node."
    print(json.dumps({"failed": True, "msg": message.format(version, sys.executable, floor)}))
    sys.exit(1)
