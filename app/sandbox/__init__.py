"""The sandbox: fixed demo identities, the folder they live in, and what is printed so that a partner's line can be pasted at once."""

from app.sandbox.demo import DEMO, KNOWN_DIGESTS
from app.sandbox.guard import SANDBOX_RULES, SERVICE_RULES, prepare_service, refuse_demo_identities
from app.sandbox.reach import Reach, check_loopback, reach_of
from app.sandbox.sandbox import Sandbox, temporary_database

__all__ = [
    "DEMO",
    "KNOWN_DIGESTS",
    "SANDBOX_RULES",
    "SERVICE_RULES",
    "Reach",
    "Sandbox",
    "check_loopback",
    "prepare_service",
    "reach_of",
    "refuse_demo_identities",
    "temporary_database",
]
