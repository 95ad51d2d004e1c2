"""The rows of the taxonomy, one file for each group of kinds."""
