"""The small CLIP model Sightline ships: what it draws, how it is trained, and how good it is."""
