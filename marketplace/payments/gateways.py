"""The gateway of this process, chosen once by the settings."""

from functools import lru_cache

from marketplace.core.config import Config
from marketplace.payments.gateway import Gateway
from marketplace.payments.stripe_gateway import StripeGateway

_chosen: dict[str, Config] = {}


def configure(config: Config) -> None:
    """Remember the settings; the client itself is made on first use."""
    _chosen["config"] = config
    gateway.cache_clear()


@lru_cache(maxsize=1)
def gateway() -> Gateway:
    """Stripe through its SDK: the real one, or the double by its address."""
    config = _chosen["config"]
    return StripeGateway(
        secret_key=config.stripe_secret_key,
        api_base=config.stripe_api_base,
        webhook_secret=config.stripe_webhook_secret,
    )
