"use strict";
// Follow a run: each event of its log asks for the page again, once a second at most. Without this file the page is whole.
(() => {
  const live = document.getElementById("live");
  if (!live || !live.dataset.events || !window.EventSource) return;
  const source = new EventSource(live.dataset.events);
  let waiting = null;

  async function refresh() {
    waiting = null;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return source.close();
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = next.getElementById("live");
    if (!fresh) return source.close();
    for (const box of live.querySelectorAll("details[id]")) {
      const other = fresh.querySelector(`#${box.id}`);
      if (other) other.open = box.open;
    }
    const tops = new Map([...live.querySelectorAll(".scroll, .log")].map((box) => [box.getAttribute("aria-label"), [box.scrollTop, box.scrollLeft]]));
    const focused = document.activeElement?.getAttribute("aria-label");
    live.replaceChildren(...fresh.childNodes);
    for (const box of live.querySelectorAll(".scroll, .log")) {
      const label = box.getAttribute("aria-label");
      if (tops.has(label)) [box.scrollTop, box.scrollLeft] = tops.get(label);
      if (label && label === focused) box.focus();
    }
    if (!fresh.dataset.events) {
      source.close();
      location.reload();
    }
  }

  function later() {
    waiting ??= setTimeout(refresh, 1000);
  }

  for (const kind of ["begin", "stage", "step", "search", "trial", "warning", "end"]) source.addEventListener(kind, later);
  source.addEventListener("over", () => {
    source.close();
    later();
  });
  window.addEventListener("pagehide", () => source.close());
})();
