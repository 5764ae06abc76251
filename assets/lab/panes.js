// The three panes of the chart: the strip and the head of the LR chart keep their height in pixels,
// loss and LR share the rest.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const STRIP = 22, GAP = 8, LR_SHARE = 0.27, LEAST = 60;
  const BELOW = 8; // under the head of the LR chart: the upper half of a tick's name at the very top

  // The domains of the panes for a chart of this height; also puts the head of the LR chart into its
  // place.
  function domains({ margin }, height) {
    const head = lrscope.page.element("lr-head");
    const area = Math.max(height - margin.t - margin.b, 1), between = head.offsetHeight + GAP / 2 + BELOW;
    const lr = Math.max(LR_SHARE * (area - STRIP - between), LEAST);
    const strip = lr + between, loss = strip + STRIP + GAP;
    head.style.bottom = `${margin.b + lr + BELOW}px`;
    const share = (pixels) => Math.min(pixels / area, 1);
    return {
      "yaxis.domain": [share(loss), 1],
      "yaxis2.domain": [0, share(lr)],
      "yaxis3.domain": [share(strip), share(strip + STRIP)],
    };
  }

  // Fits the panes of a figure before it is drawn.
  function fit(layout) {
    const { offsetHeight } = lrscope.page.element("chart");
    if (!offsetHeight) return;
    for (const [path, domain] of Object.entries(domains(layout, offsetHeight))) {
      layout[path.split(".")[0]].domain = domain;
    }
  }

  function refit() {
    const gd = lrscope.charts.gd();
    if (!gd || !gd._fullLayout || !gd.layout.yaxis2) return;
    const found = domains(gd.layout, lrscope.page.element("chart").offsetHeight);
    const [, high] = gd.layout.yaxis2.domain;
    if (Math.abs(high - found["yaxis2.domain"][1]) > 0.0005) window.Plotly.relayout(gd, found);
  }

  const FEW = 10, TICKS = 5;
  const decades = ({ type, range }) => (type === "log" ? Math.abs(range[1] - range[0]) : 0);
  // A few epochs have a tick each.
  const ticksOf = ([first, last]) => (last - first <= FEW ? 1 : null);
  // On a loss axis of few decades 1, 2 and 5 have theirs, since the name of every digit would cover
  // the next one's; in less than half a decade plotly chooses.
  const digits = (axis) => (decades(axis) > 0.5 && decades(axis) < 2 ? "D2" : null);
  // On an LR axis of more than two decades each decade has its tick, or each second or third; plotly
  // by itself leaves a low axis with one.
  const powers = (axis) => (decades(axis) > 2 ? Math.ceil(decades(axis) / TICKS) : null);

  function tick() {
    const gd = lrscope.charts.gd(), { xaxis, yaxis, yaxis2 } = gd._fullLayout;
    space(gd, { xaxis: ticksOf(xaxis.range), yaxis: digits(yaxis), yaxis2: powers(yaxis2) });
  }

  // Gives axes these spaces between their ticks; plotly chooses where there is none.
  function space(gd, wanted) {
    const frame = {};
    for (const [axis, dtick] of Object.entries(wanted)) {
      if ((gd.layout[axis].dtick || null) === dtick) continue;
      frame[`${axis}.dtick`] = dtick;
      frame[`${axis}.tickmode`] = dtick ? "linear" : "auto";
    }
    if (Object.keys(frame).length) window.Plotly.relayout(gd, frame);
  }

  let watched = null;
  lrscope.panes = {
    fit,
    tick,
    ticksOf,
    digits,
    space,

    // Keeps the panes fitted while the window or the head of the LR chart changes its size.
    watch() {
      if (watched) return;
      watched = new ResizeObserver(refit);
      watched.observe(lrscope.page.element("chart"));
      watched.observe(lrscope.page.element("lr-head"));
    },
  };
})();
