"""Stores behind protocols that the core declares: `seams.outcome_store`."""
