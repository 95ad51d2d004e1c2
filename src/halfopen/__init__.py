"""Keeps an application that depends on an LLM API working while the API answers 500."""
