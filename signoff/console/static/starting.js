"use strict";
// A run that was started is looked for until it stands in the list. Without this file the page says to load it again.
(() => {
  const list = document.getElementById("list");
  if (!list || !("starting" in list.dataset)) return;
  const timer = setInterval(async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const fresh = answer.ok && !answer.redirected && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("list");
    if (!fresh) return clearInterval(timer);
    if ("starting" in fresh.dataset) return;
    clearInterval(timer);
    list.replaceChildren(...fresh.childNodes);
  }, 3000);
})();
