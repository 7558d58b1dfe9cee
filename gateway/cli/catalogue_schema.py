"""The schemas of every kind of file in the configuration folder: the catalogue's, partners' and clients'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catalogue.schema import catalogue_schemas, schema_of, schema_text
from config.partner_files import PartnerFile
from gateway.oauth.clients import ClientsFile
from settlement.contracts import PartnerContract


def schemas() -> dict[str, dict[str, Any]]:
    """Make every schema, by the name of the kind of file."""
    return {
        **catalogue_schemas(),
        "partners": partner_schema(),
        "clients": schema_of("clients", ClientsFile),
    }


def partner_schema() -> dict[str, Any]:
    """Make the schema of a partner's file; its contract is typed by settlement, its options by the adapter."""
    made = schema_of("partners", PartnerFile)
    contract = schema_of("contract", PartnerContract)["$defs"]
    table = contract["PartnerContract"]
    table["properties"].pop("partner")
    table["required"].remove("partner")
    definitions = made["$defs"] | contract
    definitions["PartnerFile"]["properties"]["contract"] = {"$ref": "#/$defs/PartnerContract"}
    return {**made, "$defs": definitions}


def file_name(name: str) -> str:
    """Name the file of a schema."""
    return f"{name}.schema.json"


def write_schemas(folder: Path) -> list[str]:
    """Write every schema into a folder and answer the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / file_name(name)).write_text(schema_text(schema), encoding="utf-8")
    return [file_name(name) for name in schemas()]


def stale_schemas(folder: Path) -> list[str]:
    """Name the files of a folder that are missing or are not what the types say now."""
    return [
        file_name(name) for name, schema in schemas().items() if _kept(folder / file_name(name)) != schema_text(schema)
    ]


def _kept(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
