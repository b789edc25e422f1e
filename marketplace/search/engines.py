"""The search engine of this process, chosen once by the settings."""

from functools import lru_cache

from marketplace.core.config import Config, ConfigError
from marketplace.search.port import Engine

_chosen: dict[str, Config] = {}


def configure(config: Config) -> None:
    """Remember the settings; the engine itself is opened on first use."""
    _chosen["config"] = config
    engine.cache_clear()


@lru_cache(maxsize=1)
def engine() -> Engine:
    """The embedded engine in the data folder. Raises ConfigError when another one is asked for."""
    config = _chosen["config"]
    if config.meili_url:
        raise ConfigError("Meilisearch is not supported yet: leave MEILI_URL empty")
    from marketplace.search.embedded import EmbeddedEngine  # noqa: PLC0415 (slow import)

    return EmbeddedEngine(config.var_dir / "search")
