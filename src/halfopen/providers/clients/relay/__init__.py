"""The rest of OpenAI's API: what passes to a server of the same dialect, and what may be sent twice."""

from halfopen.providers.clients.relay.dialect import RELAY
from halfopen.providers.clients.relay.model_name import model_in, with_model
from halfopen.providers.clients.relay.repetition import may_repeat
from halfopen.providers.clients.relay.request import ANY_MODEL, Relayed
from halfopen.providers.clients.relay.rule import ModelPlace, RelayRule, Repeat, rule_of

__all__ = [
    "ANY_MODEL",
    "RELAY",
    "ModelPlace",
    "RelayRule",
    "Relayed",
    "Repeat",
    "may_repeat",
    "model_in",
    "rule_of",
    "with_model",
]
