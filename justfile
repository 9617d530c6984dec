# `uv run just` lists these; `uv run just check` is what a change has to pass.

set shell := ["bash", "-euo", "pipefail", "-c"]

benchmarks := "sink_capacity http_clients delivery 'delivery --channel sms' launch intake growth leads search scoring startup http_call crew_call http_load hosts"

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

# Options go to each benchmark that is named: --help tells its sizes, --json FILE keeps the result. Nothing else should run meanwhile.
# Every benchmark with its default sizes, or those named, one table each: just bench leads --rows 100000
[positional-arguments]
bench *arguments:
    #!/usr/bin/env bash
    set -euo pipefail
    if [ $# -eq 0 ]; then
        for each in {{ benchmarks }}; do uv run python -m bench.$each; done
        exit
    fi
    names=()
    while [[ ${1:--} != -* ]]; do names+=("$1"); shift; done
    if [ ${#names[@]} -eq 0 ]; then
        echo 'Name the benchmark that these options are for, as in: just bench leads --rows 100000' >&2
        exit 2
    fi
    for each in "${names[@]}"; do uv run python -m "bench.$each" "$@"; done

# A client, and a crew's model, that obey every order they read, against real servers: unauthorised sends, refunds and exports
hostile:
    uv run python -m tests.hostile 2> >(grep -v '"tool_called"' >&2)
    uv run python -m tests.hostile.crew

# Kill, starve and cut off the sending path, judged by the sandbox's inbox: 10,000 messages, some 100 kills,
# up to half an hour; --short is what the tests run
faults *arguments:
    uv run python -m tests.faults {{ arguments }}

# Kill a crew, its servers and its model around every write, judged by the ledger and the sandbox's inbox; --short is what
# the tests run
crew-faults *arguments:
    uv run python -m tests.faults.crew {{ arguments }}

# A campaign over several hosts, as network namespaces of this machine, that are cut off in turn: three rounds, 5,000 messages,
# some ten minutes, root or user namespaces needed; --short is what the tests run
hosts *arguments:
    uv run python -m tests.hosts {{ arguments }}

# The crew's packages for pip, as uv.lock has them
requirements file="requirements-crew.txt":
    #!/usr/bin/env bash
    set -euo pipefail
    exec >'{{ file }}'
    echo "# What Overture needs for its crew, made from uv.lock by: uv run just requirements"
    echo "# Used by: pip install --no-deps -r requirements-crew.txt (without --no-deps pip refuses: docs/decisions/002)"
    uv export --frozen --quiet --no-default-groups --group crew --no-emit-project --no-annotate --no-hashes --no-header

# The documentation as a site, in site/, without what writes its pages; a broken link or anchor fails it
site:
    uv run --isolated --locked --only-group docs zensical build --clean --strict
    rm -f site/*.py

# The site at http://localhost:8000 while you write
site-serve:
    uv run --isolated --locked --only-group docs zensical serve

# An MCP Bundle of a server, for clients such as Claude Desktop: just bundle leads
bundle server:
    uv run python docs/stage_bundle.py '{{ server }}'
    npx --yes @anthropic-ai/mcpb@2.1.2 pack dist/{{ server }} dist/overture-{{ server }}.mcpb
