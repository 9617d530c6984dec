"""Runs a simulation in a process of its own: it is the worker's engine, which servers do not load."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime

import anyio
from anyio.abc import ByteReceiveStream
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.text import TextReceiveStream
from mcp.server.mcpserver.exceptions import ToolError

from overture_core.campaigns.timeline import Timeline
from overture_core.settings import Settings
from overture_core.text import quoted

_REFUSED, _AT = "refused: ", "at: "
_LONGEST_LINE = 65_536  # bytes


async def run_simulation(
    settings: Settings,
    campaign: str,
    *,
    seed: int,
    days: int,
    most: int,
    progress: Callable[[datetime], Awaitable[None]],
) -> Timeline:
    """Simulate a campaign; `progress` is told the simulated time.

    Raises:
        ToolError: the simulation was refused, or its process failed.
    """
    if "\x00" in campaign:  # no argument of a process may have it
        msg = f"There is no campaign {quoted(campaign)}."
        raise ToolError(msg)
    command = [sys.executable, "-m", "overture_worker.simulation", f"--workspace={settings.workspace}"]
    command += [f"--seed={seed}", f"--days={days}", f"--most={most}", "--", campaign]
    refusal = ""
    printed: list[str] = []
    others = {name: value for name, value in os.environ.items() if not name.upper().startswith("OVERTURE_")}
    env = {**others, **settings.environment()}
    # In the data folder, where no .env of somebody else's lies. With PostgreSQL nobody may have made it yet.
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    started = await anyio.open_process(command, stdin=subprocess.DEVNULL, env=env, cwd=settings.data_dir)
    async with started as process:
        if process.stdout is None or process.stderr is None:
            raise AssertionError  # both are pipes unless something else is asked for

        async def read(stream: ByteReceiveStream) -> None:
            printed.extend([text async for text in TextReceiveStream(stream)])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read, process.stdout)
            lines = BufferedByteReceiveStream(process.stderr)
            while (line := await _line(lines)) is not None:
                if line.startswith(_AT):
                    await progress(datetime.fromisoformat(line.removeprefix(_AT)))
                elif line.startswith(_REFUSED):
                    refusal = line.removeprefix(_REFUSED)
    if process.returncode != 0:
        raise ToolError(refusal or "The simulation failed; nothing was changed. Try it again.")
    return Timeline.model_validate_json("".join(printed))


async def _line(stream: BufferedByteReceiveStream) -> str | None:
    try:
        return (await stream.receive_until(b"\n", _LONGEST_LINE)).decode(errors="replace")
    except (anyio.EndOfStream, anyio.IncompleteRead):
        return None
