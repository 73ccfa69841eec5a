"""The networks, one file each. A file here is found by its presence; names with a leading _ are skipped."""
