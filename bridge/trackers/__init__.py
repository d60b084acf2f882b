"""Trackers: frames in, faces out. MediaPipe's Face Landmarker, live (``face_landmarker``) and offline (``offline``).

MediaPipe is imported in ``mediapipe_import`` only, and only when the first tracker is built.
"""
