"""Path parameters that several controllers take."""

from __future__ import annotations

from typing import Annotated

from litestar.params import PathParameter

_SLUG = r"^[a-z0-9][a-z0-9_\-]{0,63}$"

PartnerPath = Annotated[str, PathParameter(pattern=_SLUG, max_length=64, description="The partner's id.")]
PurposePath = Annotated[str, PathParameter(pattern=_SLUG, max_length=64, description="What the data is used for.")]
BenefitPath = Annotated[str, PathParameter(pattern=_SLUG, max_length=64, description="The benefit's id.")]
