"""The dialects of clients: a folder each, with one file for each provider that serves it (`from_to`)."""
