"""Pages for people, the JSON behind them, and `/metrics`. They are handed a `seams.seen.Seen`."""
