"""Where the Redis of these settings is, for whoever speaks to it without a broker. Loads no client."""

from __future__ import annotations

from urllib.parse import quote

from overture_core.settings import Settings
from overture_queue.embedded_place import Place


def redis_url(settings: Settings) -> str:
    """Return the URL of the settings, else that of the data folder's embedded server, whether or not it runs."""
    if settings.redis_url is not None:
        return settings.redis_url
    return f"unix://{quote(str(Place.within(settings.data_dir).socket))}"
