"""The gateway's knowledge: which service a host name means, and which instance gets a request.

The bytes are the ingress's business.
"""

from __future__ import annotations

from .choosing import NoAnswer
from .gateway import Gateway
from .leases import Kind, Lease
from .routes import Route

__all__ = ["Gateway", "Kind", "Lease", "NoAnswer", "Route"]
