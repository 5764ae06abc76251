// The picture of a comparison: its panes, its labels, and new points while a run trains.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const CHART = "compare-chart";
  const STRIP = 17, GAP = 26, LR_LEAST = 64, LR_SHARE = 0.18, LOSS_LEAST = 150; // pixels
  const LIVE_MS = 1000, IDLE_MS = 5000, LOST_MS = 2000, HIDDEN_MS = 10_000;
  const chart = () => lrscope.page.element(CHART);
  const isDrawn = (gd) => Boolean(gd && gd._fullLayout);
  const CONFIG = { showSendToCloud: false, displaylogo: false, displayModeBar: false, showTips: false };
  let shown = null; // the view on show: its tokens, ends and state
  let timer, redraws = 0;

  // The heights of the panes: strips of a few pixels, the LR, and the rest for the metric.
  function panes(layout) {
    const { strips, lr } = layout.meta, height = lrscope.page.element(CHART).offsetHeight;
    const area = Math.max(height - layout.margin.t - layout.margin.b, 1);
    if (!lr) return { "yaxis.domain": [0, 1] };
    const low = Math.max(LR_SHARE * area, LR_LEAST);
    const room = area - low - 2 * GAP - LOSS_LEAST;
    const rule = strips ? Math.max(Math.min(strips * STRIP, room), strips * 6) : 0;
    const share = (pixels) => Math.min(Math.max(pixels / area, 0), 1);
    const above = low + GAP, loss = strips ? above + rule + GAP : above;
    return {
      "yaxis2.domain": [0, share(low)],
      "yaxis3.domain": strips ? [share(above), share(above + rule)] : [share(above), share(above) + 0.001],
      "yaxis.domain": [share(loss), 1],
    };
  }

  function fit(layout) {
    for (const [path, domain] of Object.entries(panes(layout))) layout[path.split(".")[0]].domain = domain;
  }

  const tick = (gd) => lrscope.panes.space(gd, { yaxis: lrscope.panes.digits(gd._fullLayout.yaxis) });

  // Names over the picture: of the curves at their ends, and of the panes.
  function place() {
    const gd = chart(), layer = lrscope.page.element("compare-labels");
    if (!isDrawn(gd) || !layer || !shown) return;
    layer.replaceChildren();
    lrscope.labels.ends(gd, layer, shown.ends);
    const { yaxis2, yaxis3 } = gd._fullLayout;
    const named = gd.layout.meta.strips ? [[yaxis3, "rule"], [yaxis2, "learning rate"]] : [[yaxis2, "learning rate"]];
    for (const [axis, text] of named) {
      if (!axis || !gd.layout.meta.lr) continue;
      const name = document.createElement("span");
      name.className = "pane-name";
      name.textContent = text;
      name.style.top = `${axis._offset - GAP + 6}px`;
      layer.append(name);
    }
  }

  function watch(gd) {
    if (gd.lrscopeWatched) return;
    gd.lrscopeWatched = true;
    gd.on("plotly_afterplot", () => {
      place();
      tick(gd);
    });
    new ResizeObserver(() => {
      if (gd.offsetHeight) window.Plotly.relayout(gd, { autosize: true, ...panes(gd.layout) });
    }).observe(gd);
    place();
    tick(gd);
  }

  // What must be the same for only points to be filled in.
  const frame = ({ figure: { layout }, templates, tokens }) =>
    JSON.stringify([layout.meta, layout.uirevision, layout.yaxis3, layout.xaxis.range, templates, Object.keys(tokens)]);

  // Draws a view; where only points have changed, only those.
  function draw(view) {
    const before = shown;
    shown = { ...view, frame: frame(view), tokens: { ...view.tokens } };
    lrscope.page.element("compare-heading").textContent = view.heading;
    lrscope.page.element("compare-title").textContent = view.empty ? "" : view.title;
    lrscope.page.element("compare-remark").textContent = view.remark;
    const root = document.querySelector(".compare");
    root.toggleAttribute("data-empty", view.empty);
    root.toggleAttribute("data-several", view.several);
    root.toggleAttribute("data-named", view.named);
    askIn(view.live ? LIVE_MS : IDLE_MS);
    redraw(shown, before && before.frame === shown.frame ? before.tokens : null);
  }

  // Draws the picture in place of another; with `tokens`, only the traces that have others.
  function redraw(view, tokens) {
    if (view !== shown || view.empty) return;
    const gd = chart(), { data, layout } = view.figure;
    if (!window.Plotly || !window.Plotly.react) {
      setTimeout(() => redraw(view, null), 20);
    } else if (tokens && isDrawn(gd)) {
      const seen = (trace) => trace.visible ?? true;
      fill(data.filter((trace, i) => view.tokens[trace.meta] !== tokens[trace.meta] || seen(trace) !== seen(gd.data[i])));
      place();
    } else {
      fit(layout);
      const figure = lrscope.charts.themed(CHART, view.figure, view.templates);
      window.Plotly.react(gd, data, figure.layout, CONFIG).then(() => watch(gd));
    }
  }

  // Gives traces other points, by their keys.
  function fill(traces) {
    const gd = chart();
    const found = traces.map((trace) => [gd.data.findIndex(({ meta }) => meta === trace.meta), trace]).filter(([i]) => i >= 0);
    if (!found.length) return;
    window.Plotly.restyle(
      gd,
      { x: found.map(([, { x }]) => x), y: found.map(([, { y }]) => y), visible: found.map(([, { visible }]) => visible ?? true) },
      found.map(([i]) => i),
    );
  }

  function askIn(ms) {
    clearTimeout(timer);
    timer = setTimeout(ask, document.hidden ? Math.max(ms, HIDDEN_MS) : ms);
  }
  document.addEventListener("visibilitychange", () => {
    if (shown && !document.hidden) askIn(0);
  });

  // Asks for what is new in the runs on show, shows it, and asks again.
  async function ask() {
    const asked = shown, query = window.location.search;
    let news;
    try {
      const body = JSON.stringify({ query, state: asked.state, tokens: asked.tokens });
      const answer = await fetch("/compare/live", { method: "POST", body });
      if (!answer.ok) throw new Error(answer.status);
      news = await answer.json();
    } catch {
      askIn(LOST_MS);
      return;
    }
    if (asked !== shown || query !== window.location.search) return; // a new picture asks for itself
    askIn(news.wait);
    if (news.redraw) lrscope.page.set("compare-redraw", { data: (redraws += 1) });
    for (const [run, value, spark] of news.runs || []) {
      const item = document.querySelector(`.member-run[data-run="${run}"]`);
      if (!item) continue;
      item.querySelector(".value").textContent = value;
      item.querySelector(".spark").style.maskImage = spark;
    }
    if (!news.traces || !news.traces.length) return;
    const visible = Object.fromEntries(chart().data.map((trace) => [trace.meta, trace.visible ?? true]));
    fill(news.traces.map(([meta, , x, y]) => ({ meta, x, y, visible: visible[meta] })));
    for (const [key, token] of news.traces) shown.tokens[key] = token;
  }

  lrscope.comparison = {
    draw,
    // Hides the curves of a run, or draws them again, without a drawing: that comes with the bands.
    hide(run, hidden) {
      const gd = chart();
      if (!isDrawn(gd)) return;
      for (const { meta, uid } of gd._fullData) {
        if (meta !== `run:${run}` && meta !== `lr:${run}`) continue;
        for (const drawn of gd.querySelectorAll(`.trace${uid}`)) drawn.style.display = hidden ? "none" : "";
      }
    },
  };
})();
