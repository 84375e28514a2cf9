"""The workers: Celery processes that claim tasks by lane and do them."""
