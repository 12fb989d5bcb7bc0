"""Poses on their way to other programs, while they are made."""
