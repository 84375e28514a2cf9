"""The settings, read from the environment once, by the two wiring places."""

from functools import cached_property

from pydantic_settings import BaseSettings, SettingsConfigDict

DEMO_MODEL = "sightline-demo"
"""The model that ships with the workers, by a name that stays when the folder moves."""


class Settings(BaseSettings):
    """Every setting with its default; names are the fields behind `SIGHTLINE_`."""

    model_config = SettingsConfigDict(env_prefix="SIGHTLINE_", extra="ignore")

    database_url: str = "postgresql://postgres@127.0.0.1:5432/sightline"
    redis_url: str = "redis://127.0.0.1:6379/0"
    blob_url: str = "file:///var/lib/sightline/blobs"
    image_model: str = DEMO_MODEL
    """Hub name, folder or `sightline-demo`; several, separated by commas, when a worker serves several."""
    image_model_revision: str | None = None
    text_model: str = "none"
    device: str = "auto"
    precision: str = "auto"
    encoder: str = "auto"
    batch_size: int = 32
    decode_threads: int = 2
    lease_seconds: float = 60.0
    fetch_ports: str = "80,443"
    fetch_allow: str = ""
    answer_provider: str = "none"
    openai_model: str = "gpt-5"
    anthropic_model: str = "claude-sonnet-4-5"
    max_upload_bytes: int = 50 * 1024**3
    job_deadline_hours: float = 24.0
    job_retention_days: float = 7.0
    api_waiters: int = 128
    """Threads of the API that may wait for a job at the same time: half of its threads."""

    @cached_property
    def image_models(self) -> list[str]:
        """The model names in the order in which they are served; the first is the default."""
        return [name.strip() for name in self.image_model.split(",") if name.strip()]

    @cached_property
    def sqlalchemy_url(self) -> str:
        """The database URL with the driver that SQLAlchemy must take."""
        return self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
