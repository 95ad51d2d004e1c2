"""Outcomes made into counts, windows, percentiles and burn rates. Pure: it is handed outcomes and `now`."""
