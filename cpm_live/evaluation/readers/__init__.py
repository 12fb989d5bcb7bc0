"""Readers of data sets as their authors distribute them, mapped to our samples."""
