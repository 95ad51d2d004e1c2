"""One official client a module; each says in `ASKER` how it asks and what it makes of the answer."""
