# `uv run just` lists these; `uv run just check` is what a change has to pass.

set shell := ["bash", "-euo", "pipefail", "-c"]

_list:
    @just --list

# Everything: style, types, import contracts, tests
check: lint test

# Style, types and import contracts
lint:
    uv run ruff format --check
    uv run ruff check
    uv run mypy
    uv run lint-imports

# All tests, or those named: just test tests/unit
test *arguments:
    uv run pytest {{ arguments }}

# Put files into the house style
fmt:
    uv run ruff format
    uv run ruff check --fix

# The whole story on this machine, with nobody outside contacted
demo *arguments:
    uv run overture demo {{ arguments }}

# Every benchmark with its default sizes, one table each; nothing else should run meanwhile
bench: (bench-one "sink_capacity") (bench-one "http_clients") (bench-one "delivery") (bench-one "delivery" "--channel sms") (bench-one "launch") (bench-one "intake") (bench-one "growth") (bench-one "scoring")

# One benchmark; --help tells its sizes, --json FILE keeps the result: just bench-one delivery --channel sms
bench-one name *arguments:
    uv run python -m bench.{{ name }} {{ arguments }}

# A client that obeys every order it reads, against real servers: unauthorised sends, refunds and exports
hostile:
    uv run python -m tests.hostile

# Kill, starve and cut off the sending path, judged by the sandbox's inbox: 10,000 messages, some 100 kills,
# up to half an hour; --short is what the tests run
faults *arguments:
    uv run python -m tests.faults {{ arguments }}
