"""Engines: each runs one network on one device."""
