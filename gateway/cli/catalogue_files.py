"""The catalogue's files as commands read them: without refusing what a lint is about to show."""

from __future__ import annotations

from catalogue.loader import read_catalogue
from catalogue.model import Catalogue
from config.partner_files import read_partner_files
from config.settings import Settings


def read_files(settings: Settings) -> Catalogue:
    """Read the catalogue of the configuration folder.

    Raises:
        ConfigurationError: a file cannot be read; names it and the key.
    """
    folder = settings.folders.configuration
    return read_catalogue(folder, partners=tuple(read_partner_files(folder)))
