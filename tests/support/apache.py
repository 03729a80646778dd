"""Apache with mod_auth_openidc on a port of loopback, as whoever runs the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.ports import listens
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
_MODULES = ("mpm_event", "authn_core", "authz_core", "authz_user", "dir", "mime", "auth_openidc")
_STOP_SECONDS = 20.0
_CONFIGURATION = """\
ServerName {host}
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog {folder}/errors
Listen {host}
StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
{modules}
TypesConfig /dev/null
DocumentRoot {folder}/pages
DirectoryIndex index.html
{directives}
<Location "/">
  AuthType openid-connect
  Require valid-user
</Location>
<Location "/signed-out">
  AuthType None
  Require all granted
</Location>
"""


def modules() -> Path:
    """Return the folder with Apache's modules, or skip the test and say what is missing."""
    folders = (os.environ.get("SWITCHYARD_APACHE_MODULES", ""), "/usr/lib/apache2/modules")
    for folder in folders:
        if folder and (Path(folder) / "mod_auth_openidc.so").exists() and shutil.which("apache2", path=_PATH):
            return Path(folder)
    pytest.skip(
        "missing: Apache with mod_auth_openidc; apt-get install apache2-bin libapache2-mod-auth-openidc"
    )


@contextmanager
def running_apache(base: str, directives: Mapping[str, str], *, trusts: Path) -> Iterator[None]:
    """Serve at ``base`` two pages, one behind a sign-in, with these directives of mod_auth_openidc.

    Apache does not run as root, so root lends it to the user nobody, as it does with PostgreSQL.
    """
    found = modules()
    host, _, port = base.removeprefix("http://").partition(":")
    folder = Path(tempfile.mkdtemp(prefix="switchyard-apache-"))
    try:
        stated = {**directives, "OIDCCABundlePath": f"{folder}/authority.pem"}
        _write(folder, found, f"{host}:{port}", stated, trusts)
        user = "nobody" if os.geteuid() == 0 else None
        if user is not None:
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, user)
        binary = shutil.which("apache2", path=_PATH)
        assert binary is not None
        with subprocess.Popen(
            [binary, "-f", str(folder / "apache.conf"), "-DFOREGROUND"],
            user=user,
            extra_groups=[] if user else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                wait_until(lambda: process.poll() is not None or listens(int(port), host), "Apache")
                assert process.poll() is None, (folder / "errors").read_text(errors="replace")
                yield
            finally:
                process.terminate()
                process.wait(_STOP_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(folder: Path, found: Path, host: str, directives: Mapping[str, str], trusts: Path) -> None:
    pages = folder / "pages"
    pages.mkdir()
    (pages / "index.html").write_text("<!doctype html><title>Protected</title><h1>Protected</h1>")
    (pages / "signed-out").write_text("<!doctype html><title>Signed out</title><h1>Signed out</h1>")
    shutil.copyfile(trusts, folder / "authority.pem")
    lines = {
        "folder": folder,
        "host": host,
        "modules": "\n".join(f"LoadModule {each}_module {found}/mod_{each}.so" for each in _MODULES),
        "directives": "\n".join(f"{name} {value}" for name, value in directives.items()),
    }
    (folder / "apache.conf").write_text(_CONFIGURATION.format(**lines))
