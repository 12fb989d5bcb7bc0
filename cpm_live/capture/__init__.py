"""Where frames come from: sources of all kinds and the thread that reads them."""
