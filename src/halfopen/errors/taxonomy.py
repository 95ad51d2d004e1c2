"""The taxonomy: what each kind of fault means, where it lies, and what to do about it."""

from collections.abc import Mapping
from types import MappingProxyType

from halfopen.errors.row import Row
from halfopen.errors.rows.account import ACCOUNT
from halfopen.errors.rows.answer import ANSWER
from halfopen.errors.rows.gateway import GATEWAY
from halfopen.errors.rows.load import LOAD
from halfopen.errors.rows.network import NETWORK
from halfopen.errors.rows.request import REQUEST
from halfopen.errors.rows.server import SERVER
from halfopen.model import Kind

TAXONOMY: Mapping[Kind, Row] = MappingProxyType(
    {**REQUEST, **ACCOUNT, **LOAD, **SERVER, **NETWORK, **ANSWER, **GATEWAY}
)
"""One row for every kind. A test holds the two together."""
