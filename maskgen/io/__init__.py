"""Files in and out: pictures, label codecs, and writes that never leave half a file."""
