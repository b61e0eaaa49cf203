"""The public side of the emulated cloud: from a host name to an instance, with TLS.

`Ingress` serves on loopback ports; `Door` leads httpx calls of this process there and to the API.
Follows the specification, A.8, F.6 and F.7.
"""

from __future__ import annotations

from .async_client import AsyncIngressTransport
from .authority import CertificateAuthority
from .client import IngressTransport, WouldWaitForItself
from .deadlines import Deadlines
from .door import Door, HostNotEmulated, Transports
from .server import Ingress
from .tcp import PortNotServed

__all__ = [
    "AsyncIngressTransport",
    "CertificateAuthority",
    "Deadlines",
    "Door",
    "HostNotEmulated",
    "Ingress",
    "IngressTransport",
    "PortNotServed",
    "Transports",
    "WouldWaitForItself",
]
