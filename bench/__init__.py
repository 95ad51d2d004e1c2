"""Side-by-side measurements: Halfopen and its peers in one interleaved run, on pinned cores."""
