// Keeps the live part of a page as the server has it. Without it the page is the same, as it was when it was loaded.
"use strict";

for (const part of document.querySelectorAll("[data-live]")) {
  const told = document.createElement("p");
  told.className = "small";
  told.setAttribute("role", "status");
  part.after(told);
  const say = (text) => { if (told.textContent !== text) told.textContent = text; };

  let source = null;
  let over = false;
  let waiting = null;

  // What a person has in hand is not taken from them: it is brought up to date once they leave it.
  const inUse = () => part.contains(document.activeElement) || part.querySelector("details[open]") !== null;
  const show = () => {
    if (waiting === null || inUse()) return;
    part.innerHTML = waiting;
    waiting = null;
  };

  // A browser opens six connections to a server at most, whatever the number of its tabs: who sees none holds none.
  const follow = () => {
    if (document.hidden || over || source !== null) return;
    const opened = source = new EventSource(part.dataset.live);
    opened.addEventListener("open", () => say("This page keeps itself up to date."));
    opened.addEventListener("message", (event) => { waiting = event.data; show(); });
    opened.addEventListener("closed", () => {
      over = true;
      opened.close();
      say("Your session is over; open the dashboard anew to go on.");
    });
    opened.addEventListener("error", () => {
      say(opened.readyState === EventSource.CLOSED
        ? "This page is not kept up to date any more; reload it."
        : "The server does not answer; trying again.");
    });
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && source !== null) {
      source.close();
      source = null;
    }
    follow();
  });
  follow();
  part.addEventListener("focusout", () => setTimeout(show));
  part.addEventListener("toggle", show, true);
}
