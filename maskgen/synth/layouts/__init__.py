"""The real datasets' trees, one file each: plan the pictures, then make one at a time."""
