"""The account at Stripe: the SDK's client with a time limit, a pinned version and errors that say what to do.

Every write has an idempotency key of ours, and only with one is a call repeated. The SDK blocks, so it runs in
threads (`anyio.to_thread`), never in the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.trace import SpanKind

from overture_core import telemetry
from overture_core.errors import ConfigurationError, ProviderRefused
from overture_core.settings import Settings
from overture_providers.endpoints import StripeEndpoint, stripe_endpoint
from overture_providers.stripe.errors import translated

if TYPE_CHECKING:
    import stripe
    from stripe import RequestOptions

API_VERSION = "2026-10-28.endive"
RETRIES = 2
CONNECT_TIMEOUT_S = 5.0
# A try may use up its time, and three of them have to end within an operation's lease of two minutes.
MOST_TIMEOUT_S = 20.0

_Made = TypeVar("_Made")


class StripeAccount:
    """One account, for one thread at a time. `read` and `write` run a call of the SDK and check its mode."""

    def __init__(self, endpoint: StripeEndpoint, client: stripe.StripeClient) -> None:
        self.endpoint = endpoint
        self._client = client

    def read(self, call: Callable[[stripe.StripeClient], _Made]) -> _Made:
        """Run a call that changes nothing.

        Raises:
            NotFound, ProviderRefused, ProviderUnavailable: as errors.py says.
        """
        return self._checked(call)

    def write(self, key: str, call: Callable[[Any, RequestOptions], _Made]) -> _Made:
        """Run a call that changes something, under an idempotency key. The client is any type to it, since parameters
        are put together from parts; Stripe refuses what it does not know.

        Raises:
            NotFound, ProviderRefused, ProviderUnavailable: as errors.py says.
        """
        options: RequestOptions = {"idempotency_key": key, "max_network_retries": RETRIES}
        return self._checked(lambda client: call(client, options))

    def _checked(self, call: Callable[[stripe.StripeClient], _Made]) -> _Made:
        import stripe

        try:
            with telemetry.span("call Stripe", SpanKind.CLIENT):
                made = call(self._client)
        except stripe.StripeError as error:
            raise translated(error) from error
        livemode = getattr(made, "livemode", None)
        if livemode is not None and livemode is not self.endpoint.live:
            is_, wanted = ("live", "test") if livemode else ("test", "live")
            msg = f"Stripe answered with {is_} data to a {wanted} key; check OVERTURE_STRIPE_API_KEY and its host."
            raise ProviderRefused(msg)
        return made


@contextmanager
def opened(settings: Settings) -> Iterator[StripeAccount]:
    """Open the account that the settings name, and close its connections at the end.

    Raises:
        ConfigurationError: the key cannot be used, or the SDK is of another release.
    """
    endpoint = stripe_endpoint(settings)
    import requests
    import stripe

    # It would write an id file into the user's home and report timings.
    stripe.enable_telemetry = False
    if int(stripe.VERSION.partition(".")[0]) != 16:
        msg = f"stripe-python {stripe.VERSION} is installed; Overture needs 16."
        raise ConfigurationError(msg)
    with requests.Session() as session:
        # Neither proxies from the environment nor a .netrc, whose credentials would replace the key.
        session.trust_env = False
        http = stripe.RequestsClient(
            timeout=(CONNECT_TIMEOUT_S, min(settings.provider_timeout_s, MOST_TIMEOUT_S)), session=session
        )
        yield StripeAccount(
            endpoint,
            stripe.StripeClient(
                endpoint.api_key,
                stripe_version=API_VERSION,
                base_addresses={"api": endpoint.base_url, "meter_events": endpoint.base_url},
                http_client=http,
                max_network_retries=0,
            ),
        )
