"""Runs ``switchyard`` as it is installed, though development has more, which libraries load if it is there.

structlog takes rich, SQLAlchemy greenlet and lark regex, 6 MB in each worker, which no installation has.
"""

from __future__ import annotations

import sys

ONLY_IN_DEVELOPMENT = ("rich", "greenlet", "regex")

if __name__ == "__main__":
    sys.modules.update(dict.fromkeys(ONLY_IN_DEVELOPMENT))  # to import what is None here fails
    from switchyard.cli import main

    main(prog_name="switchyard")
