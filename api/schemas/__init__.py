"""The bodies of requests and answers: what is checked here is what /openapi.json says."""

from api.schemas.catalogs import Catalog, CatalogList, CatalogPut
from api.schemas.common import PATH_PARTS, Live, Nothing, Page, Problem, Ready
from api.schemas.items import Item, ItemCreate, ItemList, ItemPage, ItemPatch, PictureSize
from api.schemas.jobs import Error, Job, JobList, JobPage, TaskList, TaskPage
from api.schemas.sources import EmbeddingInput, EmbeddingRequest, Query, SearchRequest, Url

__all__ = [
    "PATH_PARTS",
    "Catalog",
    "CatalogList",
    "CatalogPut",
    "EmbeddingInput",
    "EmbeddingRequest",
    "Error",
    "Item",
    "ItemCreate",
    "ItemList",
    "ItemPage",
    "ItemPatch",
    "Job",
    "JobList",
    "JobPage",
    "Live",
    "Nothing",
    "Page",
    "PictureSize",
    "Problem",
    "Query",
    "Ready",
    "SearchRequest",
    "TaskList",
    "TaskPage",
    "Url",
]
