"""Results -> terminal renderables: pure, and ignorant of the app."""
