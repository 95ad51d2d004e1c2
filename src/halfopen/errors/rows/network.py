"""Kinds of the network between us and the upstream."""

from collections.abc import Mapping

from halfopen.errors.row import Row
from halfopen.model import Kind, Place, Verdict

NETWORK: Mapping[Kind, Row] = {
    Kind.DNS_FAILED: Row(
        Verdict.FAILOVER,
        Place.NETWORK,
        (502,),
        "The upstream's host name can't be resolved.",
        "Check the host in base_url for a typing mistake, then the resolver of this machine.",
    ),
    Kind.CONNECTION_REFUSED: Row(
        Verdict.RETRY,
        Place.NETWORK,
        (502,),
        "Nothing accepts connections at the upstream's address and port.",
        "Check that the server runs and that base_url has its port; then look for a firewall that rejects.",
    ),
    Kind.CONNECT_TIMEOUT: Row(
        Verdict.RETRY,
        Place.NETWORK,
        (504,),
        "No connection to the upstream came about in time.",
        "Check routing, firewalls and proxies between this machine and the upstream.",
        retries_max=1,
    ),
    Kind.TLS_FAILED: Row(
        Verdict.FAILOVER,
        Place.NETWORK,
        (502,),
        "The TLS handshake with the upstream failed.",
        "Check this machine's clock and certificate store, the certificate's host and expiry, and any "
        "proxy that intercepts TLS.",
    ),
    Kind.CONNECTION_RESET: Row(
        Verdict.RETRY,
        Place.NETWORK,
        (502,),
        "The connection was closed before a response came.",
        "Retry or let another target answer; if it recurs, look for a proxy or balancer that closes idle "
        "connections early.",
    ),
    Kind.NO_RESPONSE: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (504,),
        "The upstream accepted the request but sent no whole response in time.",
        "Stream the answer or ask for less; raise attempt_s if such answers honestly take longer.",
        retries_max=1,
    ),
    Kind.FIRST_TOKEN_TIMEOUT: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (504,),
        "The stream brought no content in time.",
        "Let another target answer; raise first_token_s if the model thinks longer than that before it "
        "speaks.",
        retries_max=1,
    ),
    Kind.STALLED: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (504,),
        "The stream stopped in the middle; pings don't count as content.",
        "Retry or let another target answer; if it recurs at one provider, report it with the request id.",
        retries_max=1,
    ),
    Kind.DRIPPING: Row(
        Verdict.FAILOVER,
        Place.PROVIDER,
        (504,),
        "The stream runs far slower than the throughput floor.",
        "Use another target while the provider is slow; lower the floor if the model is slow by nature.",
    ),
    Kind.STREAM_TOO_LONG: Row(
        Verdict.FAILOVER,
        Place.PROVIDER,
        (504,),
        "The stream did not end within its time.",
        "Ask for fewer tokens, or raise stream_s if such answers honestly take longer.",
    ),
}
