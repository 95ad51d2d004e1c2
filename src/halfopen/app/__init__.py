"""Composition root: real clocks, sockets, configuration and processes."""
