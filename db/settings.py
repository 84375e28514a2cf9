"""The settings, read from the environment once, by the two wiring places."""

import os
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from db.vocabulary import NO_MODEL, OPENAI_PREFIX

DEMO_MODEL = "sightline-demo"
"""The model that ships with the workers, by a name that stays when the folder moves."""
OPENAI_TEXT_MODEL = f"{OPENAI_PREFIX}text-embedding-3-small"


class Settings(BaseSettings):
    """Every setting with its default; names are the fields behind `SIGHTLINE_`."""

    model_config = SettingsConfigDict(
        env_prefix="SIGHTLINE_", extra="ignore", populate_by_name=True
    )

    database_url: str = "postgresql://postgres@127.0.0.1:5432/sightline"
    redis_url: str = "redis://127.0.0.1:6379/0"
    blob_url: str = "file:///var/lib/sightline/blobs"
    image_model: str = DEMO_MODEL
    """Hub name, folder or `sightline-demo`; several, separated by commas, when a worker serves several."""
    image_model_revision: str | None = None
    text_model: str = "auto"
    """`openai:NAME`, a hub name, a folder, `none`, or `auto`: OpenAI's where its own key is set."""
    device: str = "auto"
    precision: str = "auto"
    """`auto`, `fp32`, `bf16`, `fp16`, or `int8`, which exported image models have on a CPU."""
    encoder: Literal["auto", "torch", "onnx", "openvino"] = "auto"
    """What runs image models; `auto` is PyTorch on a GPU, on a CPU what passes the gate."""
    cache_dir: str = "~/.cache/sightline"
    """Where embed workers keep exported models; it may be emptied at any time."""
    batch_size: int = 32
    decode_threads: int = 2
    lease_seconds: float = 60.0
    fetch_ports: str = "80,443"
    fetch_allow: str = ""
    answer_provider: Literal["auto", "openai", "anthropic", "none"] = "auto"
    """Who answers when a request names nobody; `auto` is who has a key, OpenAI first."""
    openai_model: str = "gpt-6.1-terra"
    anthropic_model: str = "claude-sonnet-5-5"
    answer_seconds: float = 120.0
    """How long the calls for one answer may take together."""
    answer_threads: int = 16
    """Provider calls that one worker has out at a time."""
    openai_api_key: SecretStr = Field(default=SecretStr(""), validation_alias="OPENAI_API_KEY")
    openai_base_url: str = Field(default="", validation_alias="OPENAI_BASE_URL")
    anthropic_api_key: SecretStr = Field(
        default=SecretStr(""), validation_alias="ANTHROPIC_API_KEY"
    )
    anthropic_base_url: str = Field(default="", validation_alias="ANTHROPIC_BASE_URL")
    max_document_bytes: int = 50 * 1024**2
    max_document_pages: int = 300
    max_upload_bytes: int = 50 * 1024**3
    job_deadline_hours: float = 24.0
    job_retention_days: float = 7.0
    listen: str = ""
    """Where the API listens, for servers whose command line does not tell it as gunicorn's does."""
    key_secret: SecretStr = SecretStr("")
    """What API keys are hashed under besides their salts; another value voids every key."""
    requests_per_second: float = 50.0
    """Requests that one API key may send; 0 is no limit. Without keys it holds only when it is set."""
    api_processes: int = 2
    """Processes that share the requests of one address: each allows its part of the rate."""
    max_queued_tasks: int = 2_000_000
    """Tasks that one tenant may have waiting when it submits more; 0 is no limit."""
    daily_upload_bytes: int = 0
    """Bytes of bodies that one tenant may send on a day (UTC); 0 is no limit."""
    daily_tokens: int = 0
    """Tokens that one tenant may have providers use on a day (UTC); 0 is no limit."""
    client_patience_seconds: float = 10.0
    """How long a client may send or take nothing before its connection is closed."""
    client_bytes_per_second: int = 1024
    """What a client must send on average, beyond that patience."""
    api_waiters: int = 128
    """Threads of the API that may wait for a job at the same time: half of its threads."""

    @cached_property
    def image_models(self) -> list[str]:
        """The model names in the order in which they are served; the first is the default."""
        return [name.strip() for name in self.image_model.split(",") if name.strip()]

    @cached_property
    def served_text_model(self) -> str:
        """The text model of new catalogs: a name, or `none`."""
        if self.text_model != "auto":
            return self.text_model or NO_MODEL
        # A local server behind a base URL may answer questions and yet have no text vectors.
        has_openai = self.openai_api_key.get_secret_value() and not self.openai_base_url
        return OPENAI_TEXT_MODEL if has_openai else NO_MODEL

    @property
    def cache_folder(self) -> Path:
        """Where embed workers keep exported models."""
        return Path(os.path.expanduser(self.cache_dir))

    @property
    def text_model_is_local(self) -> bool:
        """Whether the embed lane makes the vectors of words."""
        name = self.served_text_model
        return name != NO_MODEL and not name.startswith(OPENAI_PREFIX)

    @cached_property
    def providers(self) -> list[str]:
        """The providers that can be asked: those with a key, and local servers that need none."""
        able = {
            "openai": self.openai_api_key.get_secret_value() or self.openai_base_url,
            "anthropic": self.anthropic_api_key.get_secret_value(),
        }
        return [name for name, ready in able.items() if ready]

    @property
    def default_provider(self) -> str:
        """Who answers when a request names nobody; `none` where nobody can."""
        wanted = self.answer_provider
        if wanted == "auto":
            return next(iter(self.providers), "none")
        return wanted if wanted in self.providers else "none"

    @cached_property
    def sqlalchemy_url(self) -> str:
        """The database URL with the driver that SQLAlchemy must take."""
        return self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
