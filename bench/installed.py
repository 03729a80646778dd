"""Runs ``switchyard`` as it is installed, though development has more, which libraries load if it is there.

structlog takes rich, SQLAlchemy greenlet and lark regex, 6 MB in each worker, which no installation has.
"""

from __future__ import annotations

import sys
from typing import Any

ONLY_IN_DEVELOPMENT = ("rich", "greenlet", "regex")

if __name__ == "__main__":
    absent: dict[str, Any] = dict.fromkeys(ONLY_IN_DEVELOPMENT)
    sys.modules.update(absent)  # to import what is None here fails
    from bench.hash_times import tell_if_asked
    from switchyard.cli import main

    tell_if_asked()
    main(prog_name="switchyard")
