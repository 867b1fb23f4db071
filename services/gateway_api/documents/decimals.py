"""How decimals look in the OpenAPI document."""

from decimal import Decimal
from typing import Any

from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition


class DecimalsAreNumbers(OpenAPISchemaPlugin):
    """Says that a decimal is a number, as the edge writes it; Litestar by itself would write text."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        """Return whether `value` is the type of a decimal."""
        return value is Decimal

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """Return the schema of a number."""
        return Schema(type=OpenAPIType.NUMBER)
