"""What happened, told to others in their own terms.

`otlp` and `dogstatsd` send it while the gateway runs; `files` makes rules, dashboards and monitors.
"""
