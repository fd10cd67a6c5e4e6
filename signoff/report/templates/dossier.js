"use strict";
(() => {
  const boxes = [...document.querySelectorAll("script[data-chart]")].map((source) => ({
    element: document.getElementById(source.dataset.chart),
    figure: JSON.parse(source.textContent),
    drawn: false,
  }));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let printing = false;
  let loading = null;

  function load() {
    loading ??= (async () => {
      const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent.trim()), (c) => c.charCodeAt(0));
      const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
      const script = document.createElement("script");
      script.textContent = await new Response(stream).text();
      document.head.append(script);
    })();
    return loading;
  }

  function themed(figure, element) {
    const night = dark.matches && !printing;
    const ink = night ? "#d7d4cc" : "#33322e";
    const grid = night ? "#3a3934" : "#e6e2d8";
    const narrow = element.clientWidth < 480;
    const layout = structuredClone(figure.layout || {});
    const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: grid, automargin: true, fixedrange: true };
    for (const key of Object.keys(layout)) {
      if (!/^[xy]axis\d*$/.test(key)) continue;
      layout[key] = { ...axis, ...layout[key] };
      layout[key].title = { ...layout[key].title, font: { size: narrow ? 11 : 13 } };
    }
    return {
      height: 340,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif", size: narrow ? 11 : 13, color: ink },
      margin: { l: 8, r: 12, t: 28, b: 8 },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { color: ink } },
      hoverlabel: { font: { family: "system-ui, sans-serif" } },
      ...layout,
    };
  }

  async function draw(box) {
    if (box.drawn) return;
    box.drawn = true;
    await load();
    const options = { displayModeBar: false, responsive: true, displaylogo: false };
    await Plotly.newPlot(box.element, box.figure.data, themed(box.figure, box.element), options);
  }

  function again() {
    for (const box of boxes) {
      if (box.drawn && window.Plotly) Plotly.react(box.element, box.figure.data, themed(box.figure, box.element));
    }
  }

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) draw(boxes.find((box) => box.element === entry.target));
    }
  }, { rootMargin: "300px" });
  boxes.forEach((box) => seen.observe(box.element));

  // What was not scrolled to is drawn when the browser has nothing else to do, so that printing has every chart.
  const idle = window.requestIdleCallback || ((run) => setTimeout(run, 400));
  async function rest() {
    const next = boxes.find((box) => !box.drawn);
    if (next) {
      await draw(next);
      idle(rest);
    }
  }
  window.addEventListener("load", () => setTimeout(() => idle(rest), 800));
  dark.addEventListener("change", again);
  window.addEventListener("beforeprint", () => { printing = true; again(); document.querySelectorAll("details").forEach((d) => { d.open = true; }); });
  window.addEventListener("afterprint", () => { printing = false; again(); });
})();
