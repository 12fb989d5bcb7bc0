"""Writing what was seen: annotated video and keypoints."""
