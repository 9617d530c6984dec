// Keeps the live part of a page as the server has it. Without it the page is the same, as it was when it was loaded.
"use strict";

for (const part of document.querySelectorAll("[data-live]")) {
  const told = document.createElement("p");
  told.className = "small";
  told.setAttribute("role", "status");
  part.after(told);
  const say = (text) => { if (told.textContent !== text) told.textContent = text; };

  const source = new EventSource(part.dataset.live);
  let waiting = null;

  // What a person has in hand is not taken from them: it is brought up to date once they leave it.
  const inUse = () => part.contains(document.activeElement) || part.querySelector("details[open]") !== null;
  const show = () => {
    if (waiting === null || inUse()) return;
    part.innerHTML = waiting;
    waiting = null;
  };

  source.addEventListener("open", () => say("This page keeps itself up to date."));
  source.addEventListener("message", (event) => { waiting = event.data; show(); });
  source.addEventListener("closed", () => {
    source.close();
    say("Your session is over; open the dashboard anew to go on.");
  });
  source.addEventListener("error", () => {
    say(source.readyState === EventSource.CLOSED
      ? "This page is not kept up to date any more; reload it."
      : "The server does not answer; trying again.");
  });
  part.addEventListener("focusout", () => setTimeout(show));
  part.addEventListener("toggle", show, true);
}
