"""Kinds that lie in the provider's servers or in the edge in front of them."""

from collections.abc import Mapping

from halfopen.errors.row import Row
from halfopen.model import Kind, Place, Verdict

SERVER: Mapping[Kind, Row] = {
    Kind.SERVER_ERROR: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (500,),
        "The provider failed inside; the status does not say where.",
        "Retry or let another target answer. If it lasts, look at the provider's status page and send its "
        "support the request id; if only one request fails, shorten that request.",
    ),
    Kind.ENGINE_DEAD: Row(
        Verdict.FAILOVER,
        Place.PROVIDER,
        (500, 503),
        "The inference engine behind the server has died.",
        "Restart the model server; its log holds the cause, often too little GPU memory.",
    ),
    Kind.UNAVAILABLE: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (503,),
        "The service is unavailable: overloaded or in maintenance.",
        "Wait for the delay that Retry-After names, let other targets answer, and look for a maintenance "
        "window on the provider's status page.",
    ),
    Kind.MAINTENANCE: Row(
        Verdict.FAILOVER,
        Place.PROVIDER,
        (503,),
        "The provider is in maintenance.",
        "Keep traffic on other targets until the window ends; the provider's status page says when.",
    ),
    Kind.BAD_GATEWAY: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (502,),
        "A load balancer got a bad answer, or none, from the server behind it.",
        "Retry or let another target answer. If it lasts, check the network path and the load balancer, then "
        "the provider's status page.",
    ),
    Kind.GATEWAY_TIMEOUT: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (504,),
        "The server behind a load balancer took too long.",
        "Stream the answer or ask for less, and tune the timeouts if the server is yours. A retry costs "
        "the whole wait once more.",
        retries_max=1,
    ),
    Kind.REQUEST_TIMEOUT: Row(
        Verdict.RETRY,
        Place.NETWORK,
        (408,),
        "The server gave up waiting for the whole request.",
        "Retry; if it recurs, check the uplink and the size of the request.",
    ),
    Kind.CONFLICT: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (409,),
        "The request collided with another change at the provider.",
        "Retry after a moment; if it recurs, don't send the same work twice at the same time.",
    ),
    Kind.CANCELLED: Row(
        Verdict.RETRY,
        Place.NETWORK,
        (499,),
        "The upstream says that its caller went away before the answer was ready.",
        "Look for a proxy between the gateway and the provider whose timeout is shorter than the attempt's.",
    ),
    Kind.EDGE_ERROR: Row(
        Verdict.RETRY,
        Place.EDGE,
        (502, 520, 521, 522, 523, 525, 526, 527, 530),
        "The CDN in front of the provider could not get an answer from it.",
        "Retry or let another target answer; if it lasts, give the ray id in the evidence to the provider's "
        "support.",
    ),
    Kind.EDGE_TIMEOUT: Row(
        Verdict.RETRY,
        Place.EDGE,
        (504, 524),
        "The CDN in front of the provider waited about 100 s for an answer and gave up.",
        "Stream the answer or ask for less in one request, so that bytes come within 100 s.",
        retries_max=1,
    ),
}
