"""What requests about volumes look like (specification, Parts B.4 and C.9)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ukrom.api.envelope import RequestRefused
from ukrom.api.identifiers import read_uuid
from ukrom.api.models.references import Reference
from ukrom.api.wire import Integer, Text, TextMap, Texts, Wire, given
from ukrom.cloud import AttachOrder, CloneVolumeOrder, MountOrder, Ref, VolumeOrder

__all__ = ["AttachVolume", "CloneVolume", "CreateMount", "CreateVolume", "DetachVolume"]

QuotaPolicy = Annotated[Literal["static", "dynamic"] | None, given("string")]
AccessMode = Annotated[Literal["rwo", "rox", "rwx"] | None, given("string")]


class VolumeFields(Wire):
    """What can be said about any new volume."""

    size_mb: Integer = None
    host_path: Text = None
    quota_policy: QuotaPolicy = None
    filesystem: Text = None
    tags: Texts = None
    uid: Integer = None
    gid: Integer = None
    access_mode: AccessMode = None
    args: TextMap = None

    def volume(self, name: str | None, template: Ref | None = None) -> VolumeOrder:
        """Say it in the cloud's terms."""
        return VolumeOrder(
            name=name,
            size_mb=self.size_mb,
            host_path=self.host_path,
            template=template,
            quota_policy=self.quota_policy,
            filesystem=self.filesystem,
            tags=tuple(self.tags or ()),
            uid=self.uid,
            gid=self.gid,
            access_mode=self.access_mode,
            args=self.args,
        )


class CreateMount(VolumeFields):
    """A volume in an instance's create: one that exists, by `uuid` or `name`, or a new one, by its size.

    [choice]: a `name` beside a size names the new one.
    """

    called: ClassVar[str] = "instance volume"
    at: str
    uuid: Text = None
    name: Text = None
    readonly: bool = False

    def check(self) -> None:
        """Check which of the two it is.

        Raises:
            RequestRefused: 400; a volume that exists is given properties, or two identifiers, or none.
        """
        new = self.model_fields_set - {"at", "uuid", "name", "readonly"}
        if self.uuid is not None and (new or self.name is not None):
            field = min(new) if new else "name"
            raise RequestRefused(400, f"A volume with a 'uuid' exists already; '{field}' cannot be given too")
        if new and self.size_mb is None and self.host_path is None:
            raise RequestRefused(
                400, f"'{min(new)}' is for a new volume, which needs 'size_mb' or 'host_path'"
            )
        if not new and self.uuid is None and self.name is None:
            raise RequestRefused(400, "A volume needs a 'uuid', a 'name', 'size_mb' or 'host_path'")

    def order(self) -> MountOrder:
        """Say it in the cloud's terms."""
        if self.size_mb is not None or self.host_path is not None:
            return MountOrder(self.at, new=self.volume(self.name), readonly=self.readonly)
        uuid = None if self.uuid is None else read_uuid(self.uuid)
        return MountOrder(self.at, Ref(uuid, self.name), readonly=self.readonly)


class CreateVolume(VolumeFields):
    """A volume to be made."""

    called: ClassVar[str] = "volume creation arguments"
    name: Text = None
    template: Annotated[Reference | None, given("object")] = None

    def check(self) -> None:
        """Check the reference to a template.

        Raises:
            RequestRefused: 400; it is none.
        """
        if self.template is not None:
            self.template.ref()

    def order(self) -> VolumeOrder:
        """Say it in the cloud's terms."""
        return self.volume(self.name, None if self.template is None else self.template.ref())


class AttachVolume(Wire):
    """Where to attach a volume."""

    called: ClassVar[str] = "volume attach arguments"
    attach_to: Reference
    at: str
    readonly: bool = False

    def check(self) -> None:
        """Check the reference to an instance.

        Raises:
            RequestRefused: 400; it is none.
        """
        self.attach_to.ref()

    def order(self) -> AttachOrder:
        """Say it in the cloud's terms."""
        return AttachOrder(self.attach_to.ref(), self.at, self.readonly)


class DetachVolume(Wire):
    """From which instance to detach a volume; from all unless one is named."""

    called: ClassVar[str] = "volume detach arguments"
    instance: Annotated[Reference | None, given("object"), Field(alias="from")] = None

    def check(self) -> None:
        """Check the reference to an instance.

        Raises:
            RequestRefused: 400; it is none.
        """
        if self.instance is not None:
            self.instance.ref()

    def ref(self) -> Ref | None:
        """Say it in the cloud's terms."""
        return None if self.instance is None else self.instance.ref()


class CloneVolume(Wire):
    """What the copy of a volume is to have."""

    called: ClassVar[str] = "volume clone arguments"
    vol_name: Text = None
    quota_policy: QuotaPolicy = None
    tags: Texts = None
    access_mode: AccessMode = None

    def order(self) -> CloneVolumeOrder:
        """Say it in the cloud's terms."""
        tags = None if self.tags is None else tuple(self.tags)
        return CloneVolumeOrder(self.vol_name, self.quota_policy, tags, self.access_mode)
