"""The command line as an operator has it, over one settings file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from switchyard.cli import main

if TYPE_CHECKING:
    from pathlib import Path


class CommandLine:
    """Runs commands on a Gateway that has a folder of its own, on SQLite."""

    def __init__(self, folder: Path) -> None:
        kek = folder / "kek.txt"
        assert CliRunner().invoke(main, ["keys", "new-kek", str(kek)]).exit_code == 0
        self.settings = folder / "switchyard.toml"
        self.settings.write_text(
            "[gateway.kernel]\n"
            f"database_url = 'sqlite:///{folder / 'gateway.db'}'\n"
            f"key_file = '{kek}'\n"
            "public_url = 'http://127.0.0.1:8000'\n"
        )

    def __call__(self, group: str, command: str, *rest: str, code: int = 0) -> str:
        """Run a command that has to end with ``code``, and return what it said."""
        words = [group, command, "--settings", str(self.settings), *rest]
        result = CliRunner().invoke(main, words, catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result.output
