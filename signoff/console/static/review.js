"use strict";
// A slider that walks along a table over thresholds. The table itself tells the same without this file.
(() => {
  const number = (text) => Number(text.replace(/,/g, "").replace("\u2212", "-"));

  function walk(table) {
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    const rows = [...table.tBodies[0].rows];
    const box = document.createElement("div");
    box.className = "slider";
    const label = document.createElement("label");
    label.textContent = heads[0];
    const range = document.createElement("input");
    Object.assign(range, { type: "range", min: 0, max: rows.length - 1, step: 1, id: `slider-${Math.random().toString(36).slice(2)}` });
    label.htmlFor = range.id;
    const told = document.createElement("output");
    told.htmlFor = range.id;
    const inForce = number(table.closest("[data-threshold]")?.dataset.threshold ?? "NaN");
    const start = rows.reduce((best, row, index) =>
      Math.abs(number(row.cells[0].textContent) - inForce) < Math.abs(number(rows[best].cells[0].textContent) - inForce) ? index : best, 0);

    function show() {
      rows.forEach((row, index) => row.classList.toggle("chosen", index === range.valueAsNumber));
      const cells = [...rows[range.valueAsNumber].cells].map((cell) => cell.textContent.trim());
      told.replaceChildren(...heads.map((head, index) => {
        const part = document.createElement("span");
        const value = document.createElement("strong");
        value.textContent = cells[index];
        part.append(`${head} `, value);
        return part;
      }));
      range.setAttribute("aria-valuetext", heads.map((head, index) => `${head} ${cells[index]}`).join(", "));
    }

    range.value = Number.isNaN(inForce) ? Math.floor(rows.length / 2) : start;
    range.addEventListener("input", show);
    box.append(label, range, told);
    (table.closest("details") || table.closest(".scroll")).before(box);
    show();
  }

  for (const table of document.querySelectorAll("table[data-slider]")) if (table.tHead && table.tBodies[0]?.rows.length > 2) walk(table);
  // Asking for changes opens what may be asked for.
  const wishes = document.querySelector("details.wishes");
  document.querySelector("#verdict-request-changes")?.addEventListener("change", () => { if (wishes) wishes.open = true; });
})();
