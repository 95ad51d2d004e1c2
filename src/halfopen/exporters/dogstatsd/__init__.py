"""DogStatsD: counts, gauges, distributions and events by UDP.

Source: Datadog's documentation of the datagram format, version 1.
"""
