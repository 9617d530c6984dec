// Draws a plan or a campaign from the result of a tool, and follows it by asking for its status. Whatever it shows is
// text to it: what leads and models wrote comes into the document by textContent alone.
"use strict";

const SHOWN = "overture/shown";
const FIRST = 3_000, SLOWEST = 30_000; // ms between two questions; each that brings nothing new makes the next wait longer
const SVG = "http://www.w3.org/2000/svg";

const $ = (id) => document.getElementById(id);
let host = {};
let drawn = null; // the result that is on the screen
let page = { url: null };
let campaign = null; // the id to ask by
let timer = 0, pause = FIRST, said = "";

// --- Drawing ---

// What turns the text around it, or is not seen, is taken out, as on the dashboard's pages.
const plain = (text) => String(text).replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");

const made = (element, attributes, parts) => {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, plain(value));
  element.append(...parts.filter((part) => part !== null).map((part) => (part instanceof Node ? part : plain(part))));
  return element;
};
const el = (tag, attributes, ...parts) => made(document.createElement(tag), attributes, parts);
const svg = (tag, attributes, ...parts) => made(document.createElementNS(SVG, tag), attributes, parts);

const chip = (state) => el("span", { id: "state", class: `state ${state}` }, state);

const bar = ({ bar: parts, bar_text: text, title }) => [
  svg("svg", { class: "chart", viewBox: "0 0 100 4", preserveAspectRatio: "none", role: "img", "aria-label": `${title}: ${text}` },
    svg("rect", { class: "ground", width: 100, height: 4 }),
    ...parts.map((each) => svg("rect", { class: `part ${each.name}`, x: each.start, width: each.width, height: 4 }))),
  el("ul", { class: "legend" },
    ...parts.map((each) => el("li", {}, el("span", { class: `dot ${each.name}`, "aria-hidden": "true" }), `${each.number} ${each.name}`)),
    parts.length ? null : el("li", {}, "nothing to send")),
];

const figures = (numbers) => el("dl", { class: "figures" },
  ...numbers.map(([number, text]) => el("div", {}, el("dt", {}, text), el("dd", {}, number))));

// A heading with a table under it; columns from the second or `numbers`th on are numbers.
const table = (id, title, heads, rows, numbers = 1) => {
  const cell = (tag, scope) => (text, at) => el(tag, { ...scope, ...(at < numbers ? {} : { class: "number" }) }, text);
  return el("section", {},
    el("h2", { id: `${id}-title` }, title),
    el("div", { id, class: "scroll", tabindex: 0, role: "region", "aria-labelledby": `${id}-title` },
      el("table", {},
        el("thead", {}, el("tr", {}, ...heads.map(cell("th", { scope: "col" })))),
        el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map(cell("td", {}))))))));
};

const sample = (each, at) => el("article", { class: "sample" },
  el("h3", {}, `Step ${each.step} by ${each.channel}, template ${each.template}`),
  el("p", {}, each.to ? `To ${each.to}` : "As it is written; nobody would get it now."),
  each.subject ? el("p", { class: "subject" }, each.subject) : null,
  el("pre", {}, each.body),
  each.html ? el("details", { id: `html-${at}` }, el("summary", {}, "Its HTML part, as text with its links"), el("pre", {}, each.html)) : null,
  each.content_sid ? el("p", {}, `WhatsApp sends its approved template ${each.content_sid} in place of this text, with these variables:`) : null,
  each.content_sid ? el("dl", { class: "pairs" },
    ...Object.entries(each.variables ?? {}).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])) : null);

const list = (title, lines) => (lines.length
  ? [title ? el("h2", {}, title) : null, el("ul", {}, ...lines.map((line) => el("li", {}, line)))] : []);

const steps = (found) => found.flatMap((step) => step.variants.map((each) => [
  step.step, each.channel, `${each.template} v${each.version}${each.winner ? " (winner)" : ""}`,
  each.accepted, each.opened, each.clicked, each.replied]));

const parts = (shown, { samples = [], steps: found = [], accepted = 0 }) => [
  el("h1", {}, shown.title, " ", chip(shown.state)),
  shown.notice ? el("p", { class: shown.alarming ? "notice bad" : "notice" }, shown.notice) : null,
  ...(shown.bar ? bar(shown) : []),
  figures(shown.figures),
  ...shown.advice.map((line) => el("p", { class: "notice bad" }, ...coded(line))),
  ...list(null, shown.lines),
  ...list("Look at", shown.hints),
  accepted && found.length ? table("steps", "Steps and templates",
    ["Step", "Channel", "Template", "Accepted", "Opened", "Clicked", "Answered"], steps(found), 3) : null,
  ...shown.groups.map((group, at) => table(`group-${at}`,
    `${group.title}: ${group.rows.reduce((sum, [, number]) => sum + number, 0)}`, ["Reason", group.of], group.rows)),
  ...(shown.samples.length ? [el("h2", {}, "As they will read it"), ...shown.samples.map((at) => sample(samples[at], at))] : []),
];

// Puts nodes in place of what is shown; what a person has in hand, or has opened, stays so.
const replace = (nodes) => {
  const held = document.activeElement?.id;
  const opened = [...document.querySelectorAll("details[open]")].map((each) => each.id);
  $("shown").replaceChildren(...nodes.filter((node) => node !== null));
  for (const id of opened) $(id)?.setAttribute("open", "");
  if (held && document.activeElement === document.body) $(held)?.focus({ preventScroll: true });
};

const coded = (text) => plain(text).split("`").map((part, at) => (at % 2 ? el("code", {}, part) : part));

const tell = (text) => {
  if ($("told").textContent !== plain(text).replaceAll("`", "")) $("told").replaceChildren(...coded(text));
};

const offer = (shown) => {
  page = shown.page;
  $("open").textContent = page.label;
  $("open").hidden = page.url === null || host.openLinks === undefined;
  $("pause").hidden = !shown.may_pause || host.serverTools === undefined;
  const alone = page.url !== null && host.openLinks === undefined ? `This host opens no links; open ${page.url} in your browser. ` : "";
  $("how").replaceChildren(...coded(alone + page.how));
};

// --- Following ---

const words = (result) => (result.content ?? []).map((each) => each.text ?? "").join("\n").trim();
const plan = (result) => result.structuredContent.plan_id;

// Shows a result, and tells whether there is more to come. A plan stays on the screen until it is launched.
const show = (result) => {
  const shown = result._meta?.[SHOWN];
  const isPlan = drawn !== null && drawn._meta[SHOWN].bar === null;
  if (isPlan && shown.planned) {
    const replaced = plan(result) !== plan(drawn);
    $("state").replaceWith(chip(replaced ? "void" : shown.approval));
    if (replaced) {
      $("open").hidden = true;
      $("how").textContent = "";
      tell("The campaign was planned anew: this plan is not the one that waits any more.");
      return false;
    }
  } else {
    replace(parts(shown, result.structuredContent));
    drawn = result;
  }
  offer(shown);
  tell(shown.ended ? "Nothing more will happen to it." : "This is kept up to date.");
  return !shown.ended;
};

const stop = () => {
  clearTimeout(timer);
  timer = 0;
};

const failed = (sentence) => {
  stop();
  tell(sentence);
  $("again").hidden = false;
};

const call = async (name, asked) => {
  const result = await bridge.ask("tools/call", { name, arguments: asked });
  if (result.isError) throw new Error(words(result) || "Overture gave no reason");
  return result;
};
const reason = ({ message }) => message.replace(/\.$/, "");

const look = async () => {
  stop();
  $("again").hidden = true;
  try {
    const result = await call("messaging_get_campaign", { campaign });
    const says = JSON.stringify(result._meta?.[SHOWN]);
    if (says === undefined) return tell(words(result));
    pause = says === said ? Math.min(pause * 1.5, SLOWEST) : FIRST;
    said = says;
    if (show(result)) follow();
  } catch (error) {
    failed(`How far it is could not be asked: ${reason(error)}. Nothing is asked again by itself.`);
  }
};

const follow = () => {
  stop();
  if (host.serverTools === undefined) return tell("This host lets a view ask nothing. Ask for the campaign's status to see how far it is.");
  if (!document.hidden) timer = setTimeout(look, pause);
};

const hear = (result) => {
  drawn = null;
  stop();
  campaign = result.structuredContent?.campaign_id ?? null;
  if (result.isError || campaign === null) return tell(words(result) || "The result cannot be shown.");
  if (result._meta?.[SHOWN]) return show(result) && follow();
  tell(words(result));
  if (host.serverTools !== undefined) look(); // a launch, or a host that keeps `_meta` to itself
};

// --- What a person does ---

$("open").addEventListener("click", async () => {
  try {
    const { isError } = await bridge.ask("ui/open-link", { url: page.url });
    if (isError) throw new Error("the host refused");
  } catch (error) {
    tell(`The page was not opened: ${reason(error)}. Open ${page.url} in your browser.`);
  }
});

$("pause").addEventListener("click", async () => {
  $("pause").disabled = true;
  try {
    await call("messaging_stop_campaign", { campaign, action: "pause" });
    await look();
  } catch (error) {
    failed(`It was not paused: ${reason(error)}.`);
  }
  $("pause").disabled = false;
});

$("again").addEventListener("click", look);

document.addEventListener("visibilitychange", () => {
  const more = drawn !== null && !drawn._meta[SHOWN].ended && $("again").hidden;
  if (document.hidden) stop();
  else if (more && timer === 0) look();
});

// --- The host ---

const dress = ({ theme, styles }) => {
  const root = document.documentElement;
  if (theme) root.style.colorScheme = theme;
  const font = styles?.variables?.["--font-sans"];
  if (font) root.style.setProperty("--font-sans", font);
};

bridge.on("ping", () => ({}));
bridge.on("ui/resource-teardown", stop);
bridge.on("ui/notifications/host-context-changed", dress);
bridge.on("ui/notifications/tool-input", () => tell("Waiting for the result."));
bridge.on("ui/notifications/tool-result", hear);
bridge.on("ui/notifications/tool-cancelled", ({ reason }) => tell(`The call was cancelled${reason ? `: ${reason}` : "."}`));

const begin = async () => {
  try {
    const answer = await bridge.ask("ui/initialize", {
      protocolVersion: "2026-01-26",
      appInfo: { name: "overture", version: "1" },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
    });
    host = answer.hostCapabilities ?? {};
    dress(answer.hostContext ?? {});
    bridge.tell("ui/notifications/initialized");
    new ResizeObserver(() => bridge.tell("ui/notifications/size-changed", {
      width: Math.ceil(document.documentElement.clientWidth),
      height: Math.ceil(document.body.getBoundingClientRect().height),
    })).observe(document.body);
  } catch (error) {
    tell(`This cannot be shown: ${reason(error)}.`);
  }
};
begin();
