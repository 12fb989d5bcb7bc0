"""Frames, poses, skeletons and crops: plain data on numpy, known to every other room."""
