"""The version that the servers tell their clients."""

from importlib.metadata import version

VERSION = version("overture-outreach")
