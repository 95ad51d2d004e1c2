"""Requests, policies and upstreams on virtual time: what a policy does before it does it to anybody."""
