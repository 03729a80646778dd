"""Reading the operator's catalogue from its folder of YAML files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from registration.domain.catalogue import FILES, Catalogue, CatalogueError, CatalogueFault, parse_catalogue


def read_catalogue(folder: Path) -> Catalogue:
    """Return the checked catalogue that lies in ``folder``.

    Raises:
        CatalogueError: naming each fault with its file, entry and field.
    """
    documents: dict[str, Any] = {}
    faults: list[CatalogueFault] = []
    for name in FILES:
        path = folder / f"{name}.yaml"
        try:
            documents[name] = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            faults.append(CatalogueFault(name, "", "", f"cannot be read: {error.strerror} ({path})"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            faults.append(CatalogueFault(name, "", "", f"is no YAML: {' '.join(str(error).split())}"))
    if faults:
        raise CatalogueError(faults)
    return parse_catalogue(documents)
