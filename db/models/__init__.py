"""The tables. Every one carries its tenant, save the three that hold nothing of a tenant's."""

from db.models.base import REFERENCE_TABLES, REVISION, SCHEMA, Base
from db.models.catalogs import Blob, Catalog, Document, Item
from db.models.embeddings import Embedding, Model, QueryEmbedding, Segment
from db.models.jobs import IdempotencyKey, Job, Task, Worker
from db.models.tenants import ApiKey, Tenant, Usage
from db.models.webhooks import Delivery, Webhook

__all__ = [
    "REFERENCE_TABLES",
    "REVISION",
    "SCHEMA",
    "ApiKey",
    "Base",
    "Blob",
    "Catalog",
    "Delivery",
    "Document",
    "Embedding",
    "IdempotencyKey",
    "Item",
    "Job",
    "Model",
    "QueryEmbedding",
    "Segment",
    "Task",
    "Tenant",
    "Usage",
    "Webhook",
    "Worker",
]
