"""What to do about a fault, and where it lies."""

from enum import StrEnum


class Verdict(StrEnum):
    """What a fault asks for. One fault has exactly one verdict."""

    RETRY = "retry"
    """The same upstream may well answer the same request; another may, too."""
    FAILOVER = "failover"
    """This upstream will not answer soon; another may."""
    THROTTLE = "throttle"
    """This upstream answers again after a delay; another may answer now."""
    QUOTA = "quota"
    """The account is out of money or quota: leave the credential alone for a while."""
    KEY = "key"
    """The credential is refused: leave it alone until somebody mends it."""
    FIX_REQUEST = "fix_request"
    """No upstream will answer this request as it stands: the caller must change it."""


class Place(StrEnum):
    """Where the fault lies, as far as the evidence tells."""

    CLIENT = "client"
    NETWORK = "network"
    EDGE = "edge"
    PROVIDER = "provider"
    CONFIGURATION = "configuration"
    GATEWAY = "gateway"
