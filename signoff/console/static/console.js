"use strict";
// Charts when they come into view, and the question before what cannot be undone. All else works without this file.
(() => {
  let loading = null;

  function plotly() {
    loading ??= new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = document.documentElement.dataset.plotly;
      script.onload = () => done(window.Plotly);
      script.onerror = () => failed(new Error("the charts could not be loaded"));
      document.head.append(script);
    });
    return loading;
  }

  function colours() {
    const style = getComputedStyle(document.documentElement);
    return (name) => style.getPropertyValue(name).trim();
  }

  async function figureOf(box) {
    const inline = box.querySelector('script[type="application/json"]');
    if (inline) return JSON.parse(inline.textContent);
    const answer = await fetch(box.dataset.chart, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`the chart's data answered ${answer.status}`);
    return answer.json();
  }

  async function draw(box) {
    try {
      const [figure, library] = await Promise.all([figureOf(box), plotly()]);
      const colour = colours();
      const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--edge"), linecolor: colour("--edge"), automargin: true };
      const layout = { ...figure.layout, autosize: true, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)" };
      layout.font = { ...(figure.layout || {}).font, color: colour("--ink"), family: "system-ui, sans-serif" };
      layout.legend = { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", ...layout.legend };
      layout.margin = { l: 8, r: 12, t: 28, b: 8, ...layout.margin };
      for (const key of Object.keys(layout)) if (/^[xy]axis\d*$/.test(key)) layout[key] = { ...axis, ...layout[key] };
      const plot = document.createElement("div");
      box.append(plot);
      await library.newPlot(plot, figure.data, layout, { displayModeBar: false, responsive: true });
      box.dataset.drawn = "yes";
    } catch (error) {
      const told = document.createElement("p");
      told.className = "dim";
      told.textContent = `The chart cannot be drawn: ${error.message}`;
      box.append(told);
    }
  }

  function watch(root) {
    const boxes = [...root.querySelectorAll(".chart:not([data-seen])")];
    if (!boxes.length) return;
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        seen.unobserve(entry.target);
        draw(entry.target);
      }
    }, { rootMargin: "200px" });
    for (const box of boxes) {
      box.dataset.seen = "yes";
      box.style.minHeight = `${box.dataset.height || 320}px`;
      seen.observe(box);
    }
  }

  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm || event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  watch(document);
  window.signoff = { watch, plotly, csrf: () => document.querySelector('meta[name="csrf"]')?.content || "" };
})();
