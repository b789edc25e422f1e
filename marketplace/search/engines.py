"""The search engine of this process, chosen once by the settings."""

from functools import lru_cache

from marketplace.core.config import Config
from marketplace.search.port import Engine

_chosen: dict[str, Config] = {}


def configure(config: Config) -> None:
    """Remember the settings; the engine itself is opened on first use."""
    _chosen["config"] = config
    engine.cache_clear()


@lru_cache(maxsize=1)
def engine() -> Engine:
    """Meilisearch when MEILI_URL is set, else the embedded engine in the data folder."""
    config = _chosen["config"]
    if config.meili_url:
        from marketplace.search.meilisearch import MeiliEngine  # noqa: PLC0415 (optional)

        return MeiliEngine(config.meili_url, config.meili_key, index=config.meili_index)
    from marketplace.search.embedded_engine import EmbeddedEngine  # noqa: PLC0415 (slow import)

    return EmbeddedEngine(config.var_dir / "search")
