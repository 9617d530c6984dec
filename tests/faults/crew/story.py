"""A campaign that a crew brings from its brief to the answers, however often it is killed on the way."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from overture_cli.processes import Spec, Supervisor, all_specs, answers
from overture_core.settings import Settings
from overture_core.storage.schema import Message
from overture_core.storage.store import Store
from overture_crew.brain_choice import BrainChoice, choose
from overture_crew.brief import Audience, Brief, Replies
from overture_crew.runs import RunStore
from overture_crew.slots import slots
from overture_crew.wordings import draft
from tests.crewing import add_leads, approve_everything, audited, rows_of, taken
from tests.faults.crew.gate import Gate, Harm, Victim
from tests.faults.crew.process import ENDING, LAUNCHED, work
from tests.faults.system import free_ports, make_settings, wait_for

LINK = "https://example.com/book"
QUIET, INTERESTED = 4, 2  # leads of each campaign: who says nothing that matters, and who wants to talk
PROCESS_S = 150.0
RESTART_S = 60.0
MOST_PROCESSES = 14
READ = {"tool": "leads_preview_segment", "args": {"where": "email is known"}}
LAUNCH = {"tool": "messaging_launch_campaign", "args": {"plan_id": "pln_1"}}


@dataclass(frozen=True, slots=True)
class Model:
    """How a scripted model fails: what it drafts and says in each process in turn, the last again and again; or from
    the launch on, once; or with `times` the same tool call in one answer."""

    drafts: tuple[str, ...] = ("good",)
    fails_after_launch: bool = False
    times: int = 1
    native: bool = True


@dataclass(frozen=True, slots=True)
class Scenario:
    """Harms, in their order, and the model, where one is asked; else the rules decide."""

    name: str
    harms: tuple[Harm, ...] = ()
    model: Model | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One scenario, judged by the ledger and the sandbox's inbox, in messages.

    `lost`: was meant and did not get there. `plans`, `launches`: audit entries. `processes`: of the crew, those that
    were killed too. `harms`: those that happened.
    """

    intended: int
    once: int
    twice: int
    lost: int
    plans: int
    launches: int
    harms: int
    processes: int

    def holds(self, scenario: Scenario) -> bool:
        """Whether the promise was kept, and the harm was done."""
        exact = (self.plans, self.launches, self.harms) == (1, 1, len(scenario.harms))
        return exact and not (self.twice or self.lost) and self.once == self.intended


@dataclass
class Stage:
    """The system under attack: sandbox, servers behind a gate, a worker."""

    settings: Settings
    store: Store
    servers: Supervisor
    context: ForkServerContext
    endpoint: str
    told: Path
    url: str = ""
    crew: ForkServerProcess | None = field(default=None)

    def __post_init__(self) -> None:
        upstream = f"http://127.0.0.1:{self.settings.http_port}"
        self.health = f"{upstream}/health"
        self.gate = Gate(upstream, self.kill)

    def kill(self, victim: Victim) -> None:
        """SIGKILL the crew's process or the servers'; an answer is lost without anybody's death."""
        if victim == "crew" and self.crew is not None and self.crew.pid is not None:
            os.kill(self.crew.pid, signal.SIGKILL)
        elif victim == "server":
            os.kill(self.servers.pid("servers"), signal.SIGKILL)


@contextmanager
def running(folder: Path, context: ForkServerContext, endpoint: str, told: Path, python: str | None) -> Iterator[Stage]:
    """Run the system in `folder`, by `python`; servers that die are started again."""
    settings = make_settings(folder)
    specs = [spec for spec in all_specs(settings, sandbox_args=("--speed", "10")) if spec.name != "worker"]
    specs.append(Spec("worker", ("worker", "--processes", "1"), ready_line="worker_ready"))
    store = Store(settings)
    with Supervisor(settings, specs, python=python) as processes:
        processes.wait_ready()
        stage = Stage(settings, store, processes, context, endpoint, told)
        with processes.kept_alive(), stage.gate.open(free_ports(1)[0]) as url:
            stage.url = url
            yield stage
    store.close()


class Story:
    """One scenario on the stage, with leads and a campaign of its own."""

    def __init__(self, stage: Stage, scenario: Scenario, number: int) -> None:
        self._stage = stage
        self._scenario = scenario
        self._folder = stage.told
        (self._folder / ENDING).unlink(missing_ok=True)
        tag = f"s{number}"
        self._interested = [f"{tag}.{each}.reply-yes@example.com" for each in range(INTERESTED)]
        add_leads(stage.store, tag, [*self._interested, *(f"{tag}.{each}.ooo@example.com" for each in range(QUIET))])
        self._brief = Brief(
            campaign=scenario.name.capitalize(),
            goal="book a short call",
            offer="we can show you what is new",
            sender_name="Example Ltd",
            channels=["email"],
            audience=Audience(tags=[tag]),
            replies=Replies(booking_link=LINK),
        )
        self._processes = 0
        self._ended = False

    def tell(self) -> Verdict:
        """Run the same command until everything is done, with a person who approves, and judge.

        Raises:
            TimeoutError: it never came to its end.
        """
        stage, scenario = self._stage, self._scenario
        harmed = stage.gate.done
        stage.gate.arm(list(scenario.harms))
        if scenario.model and scenario.model.fails_after_launch:
            (self._folder / LAUNCHED).touch()
        while not self._over():
            if self._processes == MOST_PROCESSES:
                msg = f"{self._processes} processes were not enough; the last: {self._ending()}; {self._left()}"
                raise TimeoutError(msg)
            self._run()
            approve_everything(stage.store)
        wait_for(self._all_left, 30, "every message to leave", every_s=0.1)
        return self._judge(stage.gate.done - harmed)

    def _run(self) -> None:
        brain = self._brain(self._scenario.model)
        # What is answered after a campaign's run has ended is the other crew's: the campaign's would plan anew.
        self._ended = self._ended or self._ending() == "finished"
        name = "replies" if self._ended else "reactivation"
        wait_for(lambda: answers(self._stage.health), RESTART_S, "the servers")  # a person would start them, too
        (self._folder / ENDING).unlink(missing_ok=True)
        args = (self._folder, self._stage.url, name, self._brief, brain)
        self._processes += 1
        crew = self._stage.context.Process(target=work, args=args)
        self._stage.crew = crew
        crew.start()
        crew.join(PROCESS_S)
        if crew.is_alive():
            crew.kill()
            crew.join()
            msg = f"the crew's process {self._processes} did not end within {PROCESS_S:.0f} s"
            raise TimeoutError(msg)
        (self._folder / "fail").unlink(missing_ok=True)  # the model works again

    def _brain(self, model: Model | None) -> BrainChoice:
        if model is None:
            return BrainChoice()
        good = [draft(self._brief, slot).model_dump() for slot in slots(self._brief)]
        way = model.drafts[min(self._processes, len(model.drafts) - 1)]
        drafts = [{**good[0], "body": f"{good[0]['body']} Only 99 $."}] if way == "invented" else good
        steps: dict[str, Any] = {
            "Campaign strategist": [
                *({**each, "times": model.times} for each in (READ, LAUNCH)),
                {"where": "email is known", "reason": "they can be written to"},
            ],
            "Copywriter": [{"poem": "roses"} if way == "no answer" else {"templates": drafts, "reason": "short"}],
            "Compliance reviewer": [{"reject": way == "rejected", "problems": ["it is dull"], "reason": "read it"}],
            "Reply reader": [{"label": "interested"}],
        }
        (self._folder / "script.json").write_text(json.dumps(steps))
        return choose(self._stage.endpoint, native=model.native)

    def _ending(self) -> str:
        found = self._folder / ENDING
        return found.read_text() if found.exists() else "killed"

    def _left(self) -> str:
        handled = RunStore(self._folder / "crew" / "runs").all()[0].report.handled.values()
        done = "; ".join(f"{each.label}: {each.outcome}" for each in handled)
        return f"harms left: {self._stage.gate.armed}; replies: {done}"

    def _over(self) -> bool:
        return self._ending() == "finished" and not self._stage.gate.armed and len(self._answers()) >= INTERESTED

    def _answers(self) -> list[Message]:
        return [row for row in rows_of(self._stage.store, self._brief.campaign) if row.campaign_id is None]

    def _all_left(self) -> bool:
        sent = {each["message_id"] for each in taken(self._stage.settings)}
        return {row.id for row in rows_of(self._stage.store, self._brief.campaign)} <= sent

    def _judge(self, harms: int) -> Verdict:
        store, name = self._stage.store, self._brief.campaign
        rows = rows_of(store, name)
        ours = {row.id for row in rows}
        inbox = [each for each in taken(self._stage.settings) if each["message_id"] in ours]
        by_id = Counter(each["message_id"] for each in inbox)
        # Whatever the ledger says: each person is meant to get the campaign's message, and who asks for it one answer.
        got = Counter(each["recipient"] for each in inbox)
        meant = Counter({row.address: 1 for row in rows} | dict.fromkeys(self._interested, 2))
        return Verdict(
            intended=QUIET + 2 * INTERESTED,
            once=sum(number == 1 for number in by_id.values()),
            twice=sum((got - meant).values()),
            lost=QUIET + 2 * INTERESTED - (got & meant).total(),
            plans=audited(store, name, "plan.made"),
            launches=audited(store, name, "plan.launched"),
            harms=harms,
            processes=self._processes,
        )
