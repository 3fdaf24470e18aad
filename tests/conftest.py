"""Node-side code where Ansible would have put it, and how many examples property tests try.

Few examples while one works, many in `make test`.
"""

from pathlib import Path

import ansible.module_utils
from hypothesis import settings

ansible.module_utils.__path__.append(str(Path(__file__).parents[1] / "plugins" / "module_utils"))

settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("thorough", max_examples=200, deadline=None)
settings.load_profile("quick")
