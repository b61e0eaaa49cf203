"""References inside request bodies: to resources, and to images (specification, Parts 0.2 and C.3)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, model_validator
from pydantic_core import PydanticCustomError

from ukrom.api.envelope import RequestRefused
from ukrom.api.identifiers import read_uuid
from ukrom.api.wire import Text, TextMap, Wire, given, type_name
from ukrom.cloud import ImageOrder, Ref

__all__ = ["ImageField", "ImageSpec", "PlainImageField", "Reference", "image_order", "is_in_registry"]


class Reference(Wire):
    """A reference to another resource: exactly one of `uuid` and `name`."""

    called: ClassVar[str] = "reference"
    uuid: Text = None
    name: Text = None

    def ref(self) -> Ref:
        """Say it in the cloud's terms.

        Raises:
            RequestRefused: 400; both are given, or none, or the UUID is none.
        """
        if (self.uuid is None) is (self.name is None):
            raise RequestRefused(400, "A reference has either a 'uuid' or a 'name'")
        return Ref(None if self.uuid is None else read_uuid(self.uuid), self.name)


class ImageSpec(Wire):
    """An image with instructions for its pull (Part C.3)."""

    called: ClassVar[str] = "image specification"
    url: str
    credentials: Text = None
    headers: TextMap = None
    pull_policy: Annotated[Literal["always", "if_not_present", "never"] | None, given("string")] = None

    @model_validator(mode="after")
    def _check_credentials(self) -> Self:
        if self.credentials is not None and not is_in_registry(self.url):
            raise PydanticCustomError("credentials", "'credentials' are for OCI registries alone")
        return self


def is_in_registry(url: str) -> bool:
    """Tell whether an image's URL names an OCI registry, as one without a scheme does (Part C.3)."""
    scheme, separator, _ = url.partition("://")
    return not separator or scheme == "oci"


def _plain(value: Any) -> ImageSpec:
    if isinstance(value, str):
        return ImageSpec(url=value)
    raise PydanticCustomError("json_type", "{found}", {"expected": "string", "found": type_name(value)})


def _spec(value: Any) -> Any:
    is_spec = isinstance(value, dict) and isinstance(value.get("url"), str)
    return value if is_spec else _plain(value)


ImageField = Annotated[
    ImageSpec | None, BeforeValidator(_spec, json_schema_input_type=str | ImageSpec | None)
]
PlainImageField = Annotated[ImageSpec | None, BeforeValidator(_plain, json_schema_input_type=str | None)]
"""An image where instructions for its pull cannot be given (Part C.2, `create_args`)."""


def image_order(spec: ImageSpec | None) -> ImageOrder | None:
    """Say it in the cloud's terms."""
    return None if spec is None else ImageOrder(spec.url, spec.pull_policy)
