"""Every setting, read once from the environment."""

import os
from dataclasses import dataclass
from pathlib import Path

_DEMO_SECRET = "demo-secret-not-for-production"  # noqa: S105  (refused outside the demo)


class ConfigError(RuntimeError):
    """A setting is missing or unsafe; the process must not start."""


@dataclass(frozen=True)
class Config:
    """Settings of one process. `demo` turns on embedded defaults and demo-only pages."""

    database_url: str
    owner_database_url: str
    redis_url: str
    meili_url: str
    meili_key: str
    meili_index: str
    stripe_secret_key: str
    stripe_publishable_key: str
    stripe_api_base: str
    stripe_js_url: str
    stripe_webhook_secret: str
    mail_url: str
    mail_from: str
    secret_key: str
    file_key: str
    base_url: str
    verify_sources: str
    dns_servers: str
    proxies: int  # in front of this server: so many last names of X-Forwarded-For are believed
    demo: bool
    debug: bool
    var_dir: Path

    @property
    def secure_cookies(self) -> bool:
        """True when the site is served over https, so cookies get the __Host- prefix."""
        return self.base_url.startswith("https://")

    @classmethod
    def from_env(cls, environ: dict[str, str] | None = None) -> "Config":
        """Read the environment; raise ConfigError on a setting that is unsafe in production."""
        env = dict(os.environ if environ is None else environ)
        var_dir = Path(env.get("VAR_DIR", "var")).resolve()
        demo = env.get("DEMO", "") == "1"
        database = env.get("DATABASE_URL") or f"sqlite:///{var_dir / 'rounds.db'}"
        config = cls(
            database_url=_psycopg(database),
            owner_database_url=_psycopg(env.get("OWNER_DATABASE_URL") or database),
            redis_url=env.get("REDIS_URL", ""),
            meili_url=env.get("MEILI_URL", ""),
            meili_key=env.get("MEILI_KEY", ""),
            meili_index=env.get("MEILI_INDEX", "listings"),
            stripe_secret_key=env.get("STRIPE_SECRET_KEY", ""),
            stripe_publishable_key=env.get("STRIPE_PUBLISHABLE_KEY", ""),
            stripe_api_base=env.get("STRIPE_API_BASE", ""),
            stripe_js_url=env.get("STRIPE_JS_URL", "https://js.stripe.com/v3/"),
            stripe_webhook_secret=env.get("STRIPE_WEBHOOK_SECRET", ""),
            mail_url=env.get("MAIL_URL", ""),
            mail_from=env.get("MAIL_FROM", "Rounds <hello@rounds.example>"),
            secret_key=env.get("SECRET_KEY", _DEMO_SECRET if demo else ""),
            file_key=env.get("FILE_KEY", ""),
            base_url=env.get("BASE_URL", "http://127.0.0.1:8000").rstrip("/"),
            verify_sources=env.get("VERIFY_SOURCES", ""),
            dns_servers=env.get("DNS_SERVERS", ""),
            proxies=_number(env, "PROXIES"),
            demo=demo,
            debug=env.get("DEBUG", "") == "1",
            var_dir=var_dir,
        )
        config.refuse_unsafe()
        return config

    def refuse_unsafe(self) -> None:
        """Raise ConfigError for a default secret, a live key with the double, or DEBUG on."""
        if self.stripe_secret_key.startswith("sk_live_") and (self.demo or self.stripe_api_base):
            raise ConfigError("a live Stripe key must never meet the Stripe double or the demo")
        if self.demo:
            return
        if self.debug:
            raise ConfigError("DEBUG must be off in production")
        if len(self.secret_key) < 32 or self.secret_key == _DEMO_SECRET:
            raise ConfigError("SECRET_KEY must be set to at least 32 random characters")
        if not self.file_key:
            raise ConfigError("FILE_KEY must be set: documents are stored encrypted")


def _number(env: dict[str, str], name: str) -> int:
    text = env.get(name, "") or "0"
    if not text.isdecimal() or int(text) > 9:
        raise ConfigError(f"{name} must be a number from 0 to 9")
    return int(text)


def _psycopg(url: str) -> str:
    """Name the driver, so that the usual postgresql:// address works."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url
