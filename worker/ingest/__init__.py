"""The ingest lane: uploads and documents become items here. `lane` drains it; this loads nothing."""
