"""Members' cars in the database: what benefits may ask for, nothing that identifies a car or its owner.

Idempotency: putting the cars that are there changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.eligibility_rules import Energy, Vehicle
from catalogue.tables import member_vehicles


def put_vehicles(connection: Connection, member_id: str, vehicles: Mapping[str, Vehicle]) -> None:
    """Record a member's cars by the club system's reference; what is not among them is removed."""
    known = get_vehicles(connection, member_id)
    gone = [reference for reference in known if vehicles.get(reference) != known[reference]]
    mine = member_vehicles.c.member_id == member_id
    connection.execute(sa.delete(member_vehicles).where(mine, member_vehicles.c.reference.in_(gone)))
    rows = [
        {"member_id": member_id, "reference": reference} | msgspec.structs.asdict(vehicle)
        for reference, vehicle in vehicles.items()
        if known.get(reference) != vehicle
    ]
    if rows:
        connection.execute(sa.insert(member_vehicles), [row | {"energy": str(row["energy"])} for row in rows])


def get_vehicles(connection: Connection, member_id: str) -> dict[str, Vehicle]:
    """Give a member's cars by reference."""
    query = sa.select(member_vehicles).where(member_vehicles.c.member_id == member_id)
    rows = connection.execute(query.order_by(member_vehicles.c.reference))
    return {row.reference: Vehicle(row.model, Energy(row.energy), row.registered_date) for row in rows}
