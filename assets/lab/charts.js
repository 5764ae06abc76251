// The charts: colours, new points of a run, what is drawn over them, the selected epoch.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const chart = () => document.querySelector("#chart .js-plotly-plot");

  // The colours of each graph in both schemes, by the graph's id.
  const templates = {};

  const isOther = ({ meta }) => String(meta).startsWith("other");

  // A figure with these other runs before its own traces, so behind them, and the templates for it:
  // plotly gives a template's colours to traces in order.
  function behind({ data, layout }, colours, others) {
    const own = data.filter((trace) => !isOther(trace)), before = data.length - own.length;
    const coloured = ([scheme, { data: { scatter }, ...template }]) => {
      const looks = others.flatMap((run) => run.looks[scheme]);
      return [scheme, { ...template, data: { scatter: [...looks, ...scatter.slice(before)] } }];
    };
    const traces = others.flatMap((run) => run.traces.map((trace) => ({ ...trace })));
    return [{ data: [...traces, ...own], layout }, Object.fromEntries(Object.entries(colours).map(coloured))];
  }

  // The epoch axis: that of the displayed run, and of longer ones behind it.
  let planned = 1, span = null;
  function spanned() {
    span = [0.5, Math.max(planned, lrscope.others.epochs()) + 0.5];
    return [...span]; // plotly changes the one that it gets
  }

  // Draws these other runs behind the displayed one, in place of those that are. A zoom stays.
  function underlay(others, signature) {
    const gd = chart();
    if (!gd || !gd._fullLayout || !gd.layout.meta || gd.layout.meta.others === signature) return;
    if (gd.layout.meta.view !== scaled) return; // the new figure, which has them, is not drawn yet
    const [{ data, layout }, colours] = behind(gd, templates.chart, others);
    const { range } = layout.xaxis, isZoomed = String(range) !== String(span), whole = spanned();
    templates.chart = colours;
    const follows = drawable(data);
    follows.forEach((axis) => waits.delete(axis));
    redraw(gd, data, {
      ...layout,
      ...Object.fromEntries(follows.map((axis) => [axis, { ...layout[axis], autorange: true }])),
      template: colours[lrscope.page.scheme()],
      meta: { ...layout.meta, others: signature },
      xaxis: { ...layout.xaxis, ...(isZoomed ? {} : { range: whole, dtick: lrscope.panes.ticksOf(whole) }) },
    });
  }

  // One of Dash's through Dash, which after each zoom draws again the figure that it knows.
  function redraw(gd, data, layout) {
    const graph = gd.closest(".dash-graph");
    if (graph === gd) window.Plotly.react(gd, data, layout);
    else lrscope.page.set(graph.id, { figure: { data, layout } });
  }

  // A figure from the server, in the colours of the current scheme.
  function themed(id, figure, colours) {
    templates[id] = colours;
    figure.layout.template = colours[lrscope.page.scheme()];
    return figure;
  }

  function recolour() {
    for (const gd of document.querySelectorAll(".js-plotly-plot")) {
      const own = templates[gd.closest(".dash-graph").id];
      if (!own || !gd._fullLayout) continue;
      const template = own[lrscope.page.scheme()];
      if (gd._fullLayout.font.color !== template.layout.font.color) {
        redraw(gd, gd.data, { ...gd.layout, template });
      }
    }
  }
  new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-mantine-color-scheme"] });

  // The index of a trace in the figure, by its key; -1 if there is none.
  const indexOf = (gd, key) => gd.data.findIndex((trace) => trace.meta === key);

  // The sentences of these epochs, which the hover shows with the LR that was used.
  const told = (epochs, log) => {
    const sentences = new Map(log.map(([epoch, , text]) => [epoch, lrscope.page.wrapped(text)]));
    return epochs.map((epoch) => sentences.get(epoch) || "");
  };

  function tell(figure, log) {
    const used = figure.data.find((trace) => trace.meta === "lr_used");
    used.text = told(used.x, log);
  }

  // The axes with an assumed range.
  const waits = new Set();
  let scaled = null; // the view whose axes they are
  let lossScale = "log", lrScale = null; // as the user chose them; an LR axis fits its schedule else

  // The type of the LR axis with the ticks that the figure has for it.
  const scaledTo = (type, layout) => ({ type, tickformat: layout.meta.lr_ticks[type] });

  // What is to be drawn next: points by the key of their trace, and changes of the layout. Plotly draws
  // the whole chart for each call, so that what comes together is drawn together.
  let points = {}, frame = {}, isDue = false;
  const changed = (trace) => points[trace.meta] || trace;

  function soon(its, layout = {}) {
    Object.assign(points, its);
    Object.assign(frame, layout);
    if (!isDue) queueMicrotask(draw);
    isDue = true;
  }

  function draw() {
    const gd = chart(), keys = Object.keys(points).filter((key) => indexOf(gd, key) >= 0);
    settle(frame);
    const values = (name) => keys.map((key) => points[key][name]);
    const curves = { x: values("x"), y: values("y"), text: values("text") }, layout = frame;
    [points, frame, isDue] = [{}, {}, false];
    if (keys.length) window.Plotly.update(gd, curves, {}, keys.map((key) => indexOf(gd, key)));
    if (Object.keys(layout).length) window.Plotly.relayout(gd, layout); // Dash learns of that, not of an update's
    recolour(); // the scheme may have changed during the drawing
  }

  // Those that have points.
  const drawable = (data) =>
    [...waits].filter((axis) => data.some((trace) => axis.replace("yaxis", "y") === (trace.yaxis || "y") && changed(trace).x.length));

  // An axis that had an assumed range follows its points once it has any; also one that has kept
  // plotly's range of an axis without points, from a drawing that came before them.
  const WITHOUT_POINTS = "-1,4";
  function settle(layout) {
    const gd = chart();
    if (gd.layout.meta.view !== scaled) return; // the new figure is not drawn yet
    for (const axis of ["yaxis", "yaxis2"]) {
      if (!gd.layout[axis].autorange && String(gd.layout[axis].range) === WITHOUT_POINTS) waits.add(axis);
    }
    for (const axis of drawable(gd.data)) {
      layout[`${axis}.autorange`] = true;
      waits.delete(axis);
    }
  }

  // Adds the points since the cursor.
  function extend({ traces, log = [], epochs }, cursor) {
    const { data } = chart(), added = {};
    for (const [key, x, y] of traces) {
      const trace = changed(data.find(({ meta }) => meta === key));
      added[key] = { x: [...trace.x, ...x], y: [...trace.y, ...y] };
      if (key === "lr_used") added[key].text = [...trace.text, ...told(x, log)];
    }
    const isLonger = epochs && epochs !== cursor.epochs;
    if (isLonger) planned = epochs;
    soon(added, isLonger ? { "xaxis.range": spanned() } : {});
  }

  const isEqual = (a, b) => JSON.stringify(a) === JSON.stringify(b);

  // Replaces the points of traces that the figure has for that.
  function fill(curves) {
    const gd = chart();
    if (!gd || !gd._fullLayout || !gd.data || !gd.data.length) return;
    const replaced = Object.entries(curves).filter(([key, [x, y]]) => {
      const trace = gd.data[indexOf(gd, key)];
      return trace && !isEqual([changed(trace).x, changed(trace).y], [x, y]);
    });
    if (replaced.length) soon(Object.fromEntries(replaced.map(([key, [x, y]]) => [key, { x, y }])));
  }

  // Draws these shapes in place of those of the same name.
  function reshape(name, shapes) {
    const gd = chart();
    if (!gd || !gd._fullLayout) return;
    const before = frame.shapes || gd.layout.shapes || [], others = before.filter((shape) => shape.name !== name);
    if (others.length < before.length || shapes.length) soon({}, { shapes: others.concat(shapes) });
  }

  // Draws a band at the selected epoch, or from `first` to it, or none.
  function point(epoch, first = epoch) {
    const band = () => ({
      name: "pointer", type: "rect", layer: "below", line: { width: 0 },
      fillcolor: lrscope.page.colour("neutral"), opacity: 0.25,
      xref: "x", yref: "paper", x0: first - 0.5, x1: epoch + 0.5, y0: 0, y1: 1,
    });
    reshape("pointer", epoch ? [band()] : []);
  }

  const WHAT_IF = { "what-if:lr": [[], []], "what-if:cuts": [[], []], "what-if:guesses": [[], []] };

  lrscope.charts = {
    gd: chart,
    themed,
    tell,
    underlay,

    // What a double click shows: all epochs. plotly by itself goes back to those of the first figure.
    showAll() {
      requestAnimationFrame(() => {
        const gd = chart();
        if (span && String(gd.layout.xaxis.range) !== String(span)) window.Plotly.relayout(gd, { "xaxis.range": [...span] });
      });
    },

    // The figure of a run, with the others behind it.
    ofRun({ figure, templates: own }) {
      const others = lrscope.others.drawn(), [laid, colours] = behind(figure, own, others);
      planned = figure.layout.xaxis.range[1] - 0.5;
      laid.layout.meta.others = lrscope.others.signature();
      laid.layout.xaxis.range = spanned();
      laid.layout.xaxis.dtick = lrscope.panes.ticksOf(span); // at once: a tick for each of 10,000 epochs takes long
      if (others.some((run) => run.epochs)) ["yaxis", "yaxis2"].forEach((axis) => delete laid.layout[axis].range);
      return themed("chart", laid, colours);
    },

    // The axes of a new figure: the loss as the user chose it, the LR as fits the schedule.
    scale(layout) {
      scaled = layout.meta.view;
      waits.clear();
      ["yaxis", "yaxis2"].filter((axis) => layout[axis].range).forEach((axis) => waits.add(axis));
      if (lossScale === "linear") {
        layout.yaxis.type = lossScale;
        if (layout.yaxis.range) layout.yaxis.range = [0, 2.5];
      }
      if (lrScale) Object.assign(layout.yaxis2, scaledTo(lrScale, layout));
      if (lrScale && layout.yaxis2.range) delete layout.yaxis2.range;
      lrscope.page.set("loss-scale", { children: layout.yaxis.type });
      lrscope.page.set("lr-scale", { children: layout.yaxis2.type });
    },
    extend,
    fill,
    point,

    // Draws what a what-if adds and removes what the last one added.
    overlay({ traces = WHAT_IF, shapes = [], marks = [] }) {
      fill(traces);
      reshape("what-if", shapes);
      lrscope.labels.keep("what-if", marks);
    },

    // Makes room for a run of so many epochs, if the charts show no run.
    showUpTo(epochs, scale) {
      const gd = chart();
      if (!gd || !gd._fullLayout || !gd.layout.yaxis2 || !epochs) return;
      const frame = {};
      if (lrscope.live.isEmpty()) {
        planned = epochs;
        if (String(spanned()) !== String(gd.layout.xaxis.range)) frame["xaxis.range"] = [...span];
        if (gd.layout.yaxis2.type !== scale) {
          frame["yaxis2.type"] = scale;
          frame["yaxis2.tickformat"] = scaledTo(scale, gd.layout).tickformat;
          lrscope.page.set("lr-scale", { children: scale });
        }
      }
      if (Object.keys(frame).length) window.Plotly.relayout(gd, frame);
    },

    shows(view) {
      const gd = chart();
      return Boolean(gd && gd.layout && gd.layout.meta && gd.layout.meta.view === view);
    },
    hasAll: (traces) => traces.every(([key]) => indexOf(chart(), key) >= 0),
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.charts = {
    point(click) {
      const epoch = click && Math.round(click.points[0].x);
      if (epoch && epoch <= lrscope.live.lastEpoch()) lrscope.pointing.pointAt(epoch); // runs behind may have more
    },

    rescale() {
      const gd = chart(), [{ prop_id }] = window.dash_clientside.callback_context.triggered;
      if (!gd || !gd.layout || !gd.layout.yaxis2) return;
      const button = prop_id.split(".")[0], axis = button === "loss-scale" ? "yaxis" : "yaxis2";
      const type = gd.layout[axis].type === "log" ? "linear" : "log";
      if (axis === "yaxis") lossScale = type;
      else lrScale = type;
      const frame = axis === "yaxis" ? { type } : scaledTo(type, gd.layout);
      const paths = Object.entries({ ...frame, autorange: true }).map(([key, value]) => [`${axis}.${key}`, value]);
      window.Plotly.relayout(gd, Object.fromEntries(paths));
      lrscope.page.set(button, { children: type });
    },
  };
})();
