"""Kinds that lie in the account or in our configuration."""

from collections.abc import Mapping

from halfopen.errors.row import Row
from halfopen.model import Kind, Place, Verdict

ACCOUNT: Mapping[Kind, Row] = {
    Kind.BAD_KEY: Row(
        Verdict.KEY,
        Place.CONFIGURATION,
        (401,),
        "The provider refuses the API key.",
        "Check that the variable behind this provider's key holds a current key of the right project, "
        "replace it, and reload the configuration.",
    ),
    Kind.FORBIDDEN: Row(
        Verdict.KEY,
        Place.CONFIGURATION,
        (403,),
        "The API key is known but may not do this.",
        "Give the key's project or role access to this model and API in the provider's console, or use a key "
        "that has it.",
    ),
    Kind.REGION_BLOCKED: Row(
        Verdict.FAILOVER,
        Place.CONFIGURATION,
        (403, 451),
        "The provider doesn't serve the country or region that the request came from.",
        "Run the gateway in a supported region, use the provider's regional endpoint, or route to another "
        "provider.",
    ),
    Kind.QUOTA_EXHAUSTED: Row(
        Verdict.QUOTA,
        Place.CONFIGURATION,
        (429, 402),
        "The account is out of credit, or a spend limit or quota is used up.",
        "Add credit or raise the spend limit on the provider's billing page; waiting alone does not help "
        "before the limit's period ends.",
    ),
    Kind.MODEL_NOT_FOUND: Row(
        Verdict.FAILOVER,
        Place.CONFIGURATION,
        (404, 405, 410),
        "The provider doesn't have this model, this address, or it is not open to the account.",
        "Correct the target's model name or the provider's base_url in halfopen.toml; compare with the "
        "provider's own list of models.",
    ),
    Kind.NO_FIT_TARGET: Row(
        Verdict.FIX_REQUEST,
        Place.CONFIGURATION,
        (400,),
        "No target of this route can do what the request asks for.",
        "Leave out what the targets can't do, or add a target to the route that can.",
    ),
}
