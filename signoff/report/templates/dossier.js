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
  const options = { displayModeBar: false, responsive: true, displaylogo: false };

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
    await Plotly.newPlot(box.element, box.figure.data, themed(box.figure, box.element), options);
  }

  function again() {
    for (const box of boxes) {
      if (box.drawn && window.Plotly) Plotly.react(box.element, box.figure.data, themed(box.figure, box.element));
    }
  }

  // What is in view is drawn as soon as the page is parsed, without waiting for a scroll or an idle moment; the rest
  // follows one by one, nearest first, so that a long page stays quick and a picture of all of it has every chart.
  const distance = (box) => {
    const place = box.element.getBoundingClientRect();
    return Math.max(0, place.top - window.innerHeight, -place.bottom);
  };
  const breathe = () => new Promise((next) => setTimeout(next, 0));

  // An image that is loading keeps the load event back, and with it whoever takes a picture or prints at once. Each is
  // asked for before the one before it is there. After PATIENCE milliseconds the page is open, drawn or not.
  const PATIENCE = 1000;
  const blank = new Blob(['<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'], { type: "image/svg+xml" });
  const hold = () => new Promise((next) => {
    const image = new Image();
    image.onload = image.onerror = () => { URL.revokeObjectURL(image.src); next(); };
    image.src = URL.createObjectURL(blank);
  });

  async function keepBack(work) {
    let done = false;
    work.finally(() => { done = true; });
    let held = hold();
    while (!done && performance.now() < PATIENCE) {
      const next = hold();
      await held;
      held = next;
    }
  }

  async function all() {
    for (;;) {
      const waiting = boxes.filter((box) => !box.drawn);
      if (!waiting.length) return;
      await draw(waiting.reduce((best, box) => (distance(box) < distance(best) ? box : best)));
      if (!printing) await breathe();
    }
  }

  const drawing = all().then(() => { document.documentElement.dataset.charts = "drawn"; });
  keepBack(drawing);
  dark.addEventListener("change", again);
  // Plotly draws at once when it is loaded, so what is still missing when printing begins can be drawn before the page is.
  function drawNow() {
    if (!window.Plotly) return;
    for (const box of boxes) {
      if (box.drawn) continue;
      box.drawn = true;
      Plotly.newPlot(box.element, box.figure.data, themed(box.figure, box.element), options);
    }
  }

  window.addEventListener("beforeprint", () => {
    printing = true;
    document.querySelectorAll("details").forEach((each) => { each.open = true; });
    drawNow();
    again();
  });
  window.addEventListener("afterprint", () => { printing = false; again(); });
})();
