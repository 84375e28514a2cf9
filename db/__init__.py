"""What the API and the workers share: settings, tables, the queue, search and blobs."""
