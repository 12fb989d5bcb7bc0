"""From frames to results: find, decode, follow, and the threads that do it live."""
