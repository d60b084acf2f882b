"""From a FaceState to the named values of another vocabulary. Pure."""
