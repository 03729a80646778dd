"""The command line's laboratory: a Gateway to test applications against."""

from __future__ import annotations

import os
from pathlib import Path

import click

from switchyard.cli_options import fail

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--file", type=_FILE, help="What is in it, in JSON. [default: a small world]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the Gateway. [default: a free one]")
@click.option(
    "--host-name",
    default="127.0.0.1",
    show_default=True,
    type=click.Choice(["127.0.0.1", "localhost"]),
    help="Name in every address. Browsers offer passkeys under localhost only.",
)
@click.option("--tls-cert", type=_FILE, help="Certificate chain in PEM: serve https.")
@click.option("--tls-key", type=_FILE, help="Its key in PEM.")
@click.option(
    "--tls-min-version",
    type=click.Choice(["1.2", "1.3"]),
    default="1.2",
    show_default=True,
    envvar="SWITCHYARD_LAB_TLS_MIN_VERSION",
    show_envvar=True,
    help="Lowest version of TLS.",
)
@click.option(
    "--tls-ciphers",
    envvar="SWITCHYARD_LAB_TLS_CIPHERS",
    show_envvar=True,
    help="Ciphers of TLS 1.2 in OpenSSL's words. [default: those of RFC 9325]",
)
@click.option(
    "--tls-client-ca", type=_FILE, help="Who issues clients' certificates (PEM), or these themselves."
)
@click.option("--database", default="", help="SQLite or PostgreSQL to keep it in. [default: thrown away]")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Web processes.")
@click.option("--example", is_flag=True, help="Print the file of the default world, to start from, and end.")
def lab(  # noqa: PLR0913 - the options of the command line
    *,
    file: Path | None,
    port: int | None,
    host_name: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_min_version: str,
    tls_ciphers: str | None,
    tls_client_ca: Path | None,
    database: str,
    workers: int,
    example: bool,
) -> None:
    """Run a Gateway alone, furnished by one file, to test applications against.

    One line of JSON on standard output says where it is once it is ready. SIGTERM and Ctrl-C end it.
    """
    if example:
        from switchyard.lab_file import default_text  # noqa: PLC0415 - loaded when needed

        click.echo(default_text(), nl=False)
        return
    if (tls_cert is None) != (tls_key is None):
        fail("--tls-cert and --tls-key belong together")
    if tls_client_ca is not None and tls_cert is None:
        fail("--tls-client-ca needs --tls-cert and --tls-key")
    from switchyard.lab import LabPlan, run_lab  # noqa: PLC0415
    from switchyard.tls_front import RECOMMENDED_CIPHERS, TlsSettings  # noqa: PLC0415

    tls = (
        TlsSettings(tls_cert, tls_key, tls_min_version, tls_ciphers or RECOMMENDED_CIPHERS, tls_client_ca)
        if tls_cert and tls_key
        else None
    )
    run_lab(LabPlan(file, port, host_name, tls, database, workers), os.environ)
