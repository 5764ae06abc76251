// The stages of the sweep on show, its settings side by side, and what they show in sentences.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const CONFIG = { showSendToCloud: false, displaylogo: false, displayModeBar: false, showTips: false, doubleClick: false };
  const element = (id) => lrscope.page.element(id);
  const PLOTLY = "/_dash-component-suites/plotly/package_data/plotly.min.js";
  let redraws = 0, loading = null;

  // plotly is large: it is loaded for the first figure, and not for the map.
  function plotly() {
    loading ??= new Promise((resolve) => {
      const script = Object.assign(document.createElement("script"), { src: PLOTLY, onload: resolve });
      script.onerror = () => (loading = null); // the next figure tries again
      document.head.append(script);
    });
    return loading;
  }

  // A figure in place of another.
  async function figure(id, { figure: { data, layout }, templates, height }, then = () => {}) {
    const gd = element(id);
    if (height) gd.style.height = `${height}px`;
    await plotly();
    lrscope.charts.themed(id, { data, layout }, templates);
    await window.Plotly.react(gd, data, { ...layout, autosize: true, datarevision: (redraws += 1) }, CONFIG);
    then();
  }

  // A click on a line leads to the cell of its best run.
  function follow(gd) {
    if (gd.lrscopeWatched) return;
    gd.lrscopeWatched = true;
    gd.on("plotly_click", ({ points: [{ customdata }] }) => {
      if (customdata) lrscope.heat.choose([customdata].flat());
    });
    new ResizeObserver(() => gd.clientWidth && window.Plotly.Plots.resize(gd)).observe(gd);
  }

  // A picture is drawn once it is near what is seen: of a large sweep it lies far below, and takes
  // longer than all of what is there.
  const due = new Map(), near = new Set();
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        near[isIntersecting ? "add" : "delete"](target.id);
        if (isIntersecting) drawn(target.id);
      }
    },
    { rootMargin: "200px" },
  );

  function drawn(id) {
    const picture = due.get(id);
    if (!picture || !near.has(id)) return;
    due.delete(id);
    figure(id, picture, () => follow(element(id)));
  }

  function draw(id, picture) {
    const panel = element(id).parentElement;
    panel.hidden = !picture;
    if (!picture) return;
    element(`${id}-note`).textContent = picture.note;
    element(id).style.height = `${picture.height}px`; // room for it, which moves nothing later
    due.set(id, picture);
    watcher.observe(element(id));
    drawn(id);
  }

  lrscope.pictures = {
    figure,
    tree: (picture) => draw("sweep-tree", picture),
    parallel: (picture) => draw("sweep-parallel", picture),
    statement(sentences) {
      const [first, ...rest] = sentences.map((sentence) => Object.assign(document.createElement("p"), { textContent: sentence }));
      first.className = "sweep-first";
      element("sweep-statement").replaceChildren(first, ...rest);
    },
  };
})();
