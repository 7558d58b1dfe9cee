"""The applied catalogue in memory, and how a serving process learns that another one was applied.

The version that holds is one number in the database. Every process asks for it at an interval and reads the files only
when it has changed. What a request has begun with one version it may end with the next, because terms that took effect
are never taken out and everything sold names its own.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from sqlalchemy import Connection

from catalogue import versions
from catalogue.loader import check_catalogue
from catalogue.model import Catalogue
from catalogue.things import Texts
from config.clock import Clock
from config.database import Database
from config.errors import ConfigurationError
from config.observability import get_logger

FIRST_START = "first start"
"""Who applied the files that a database was begun with."""

log = get_logger(__name__)


class CatalogueBook:
    """The version that holds, as this process last saw it; a `catalogue.model.CatalogueSource`."""

    def __init__(self, number: int, catalogue: Catalogue, partners: Collection[str]) -> None:
        """Keep a version and what is needed to read the next."""
        self._number = number
        self._catalogue = catalogue
        self._partners = tuple(partners)

    @property
    def current(self) -> Catalogue:
        """The catalogue that holds."""
        return self._catalogue

    @property
    def number(self) -> int:
        """Its number."""
        return self._number

    async def refresh(self, database: Database) -> bool:
        """Take up a version that was applied since; answer whether there was one.

        Raises:
            CatalogueFileError: it cannot be used here (a partner's file is gone); the version before stays in use.
        """
        number = await database.read(versions.head)
        if number is None or number == self._number:
            return False
        texts = await database.read(partial(versions.texts_of, number=number))
        self._catalogue = check_catalogue(texts, self._partners)
        self._number = number
        log.info("another catalogue holds", catalogue_number=number, catalogue_version=self._catalogue.version)
        return True


class CatalogueFollower:
    """The background work of a serving process: keep its book at the version that holds."""

    def __init__(self, book: CatalogueBook, database: Database, clock: Clock, interval_seconds: float) -> None:
        """Keep the seams."""
        self._book = book
        self._database = database
        self._clock = clock
        self._interval_seconds = interval_seconds

    async def run(self) -> None:
        """Refresh until cancelled."""
        while True:
            await self._clock.sleep(self._interval_seconds)
            await self._book.refresh(self._database)


async def open_book(database: Database, clock: Clock, texts: Texts, partners: Collection[str]) -> CatalogueBook:
    """Open the book of a database; an empty one begins with the files given.

    On any other the files are only compared: when they differ from what holds, a log line says how to apply them.

    Raises:
        CatalogueFileError: the files, or what holds, cannot be used; names file, line and key.
    """
    first = partial(versions.apply, texts=texts, partners=partners, at=clock.now(), by=FIRST_START, only_first=True)
    number = await database.read(versions.head)
    applied = None if number is not None else await database.write(first)
    if applied is not None:
        number = applied.number
    assert number is not None
    holding = await database.read(partial(versions.texts_of, number=number))
    book = CatalogueBook(number, _usable(holding, partners, number), partners)
    if texts != holding:
        await database.read(partial(_compare, texts, partners, clock))
    return book


def _usable(texts: Texts, partners: Collection[str], number: int) -> Catalogue:
    try:
        return check_catalogue(texts, partners)
    except ConfigurationError as error:
        error.add_note(f"It is version {number} of the catalogue, which was applied to this database.")
        raise


def _compare(texts: Texts, partners: Collection[str], clock: Clock, connection: Connection) -> None:
    try:
        made = versions.plan(connection, texts, partners=partners, at=clock.now())
    except ConfigurationError as error:
        log.warning("the catalogue's files cannot be used; the applied version is served", reason=error.message)
        return
    if not made.is_empty:
        log.warning(
            "the catalogue's files differ from the applied version, which is served; see `gateway catalogue plan`",
            changes=len(made.changes),
        )
