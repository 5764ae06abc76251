// The charts: colours, new points of a run, and the band at the selected epoch.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const chart = () => document.querySelector("#chart .js-plotly-plot");

  // The colours of each graph in both schemes, by the graph's id.
  const templates = {};

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
        window.Plotly.react(gd, gd.data, { ...gd.layout, template });
      }
    }
  }
  new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-mantine-color-scheme"] });

  // Hides labels so close to the previous one that they would read as one word.
  function declutter(annotations, range) {
    const apart = (range[1] - range[0]) * 0.045;
    let last = -Infinity;
    return annotations.map((label) => {
      if (label.name) return label;
      const visible = label.x - last >= apart;
      if (visible) last = label.x;
      return { ...label, visible };
    });
  }

  // The index of a trace in the figure, by its key; -1 if there is none.
  const indexOf = (gd, key) => gd.data.findIndex((trace) => trace.meta === key);

  // Adds the points and marks since the cursor.
  function extend({ traces, shapes = [], annotations = [], epoch, epochs }, cursor) {
    const gd = chart(), { Plotly } = window;
    const plain = traces.filter((trace) => trace.length === 3);
    Plotly.extendTraces(
      gd,
      { x: plain.map(([, x]) => x), y: plain.map(([, , y]) => y) },
      plain.map(([key]) => indexOf(gd, key)),
    );
    for (const [key, x, y, text] of traces.filter((trace) => trace.length === 4)) {
      Plotly.extendTraces(gd, { x: [x], y: [y], text: [text] }, [indexOf(gd, key)]);
    }
    const frame = {}, range = [0.5, epochs + 0.5];
    if (cursor.epoch === 0 && epoch > 0) frame["yaxis.autorange"] = frame["yaxis2.autorange"] = true;
    if (shapes.length) {
      frame.shapes = (gd.layout.shapes || []).concat(shapes);
      frame.annotations = declutter((gd.layout.annotations || []).concat(annotations), range);
    }
    if (epochs !== cursor.epochs) frame["xaxis.range"] = range;
    if (Object.keys(frame).length) Plotly.relayout(gd, frame);
    recolour(); // the scheme may have changed during the drawing
  }

  // Draws a band at the selected epoch, or from `first` to it, or none.
  function point(epoch, first = epoch) {
    const gd = chart();
    if (!gd || !gd._fullLayout) return;
    const shapes = (gd.layout.shapes || []).filter((shape) => shape.name !== "pointer");
    if (epoch) {
      shapes.push({
        name: "pointer", type: "rect", layer: "below", line: { width: 0 },
        fillcolor: lrscope.page.colour("neutral"), opacity: 0.25,
        xref: "x", yref: "paper", x0: first - 0.5, x1: epoch + 0.5, y0: 0, y1: 1,
      });
    }
    window.Plotly.relayout(gd, { shapes });
  }

  // Draws what a what-if adds and removes what the last one added: every trace whose key starts
  // with "what-if:", and the shapes and labels with that name.
  function overlay({ traces = {}, shapes = [], annotations = [] }) {
    const gd = chart();
    if (!gd || !gd._fullLayout || !gd.data || !gd.data.length) return;
    const own = gd.data.map((trace, i) => [trace.meta, i]).filter(([key]) => String(key).startsWith("what-if:"));
    const points = own.map(([key]) => traces[key] || [[], []]);
    const others = (drawn) => (drawn || []).filter(({ name }) => name !== "what-if");
    window.Plotly.update(
      gd,
      { x: points.map(([x]) => x), y: points.map(([, y]) => y) },
      {
        shapes: others(gd.layout.shapes).concat(shapes),
        annotations: others(gd.layout.annotations).concat(annotations),
      },
      own.map(([, i]) => i),
    );
  }

  lrscope.charts = {
    themed,
    declutter,
    extend,
    point,
    overlay,
    shows(view) {
      const gd = chart();
      return Boolean(gd && gd.layout && gd.layout.meta === view);
    },
    hasAll: (traces) => traces.every(([key]) => indexOf(chart(), key) >= 0),
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.charts = {
    point(click) {
      if (click) lrscope.pointing.pointAt(Math.round(click.points[0].x));
    },

    rescale(type) {
      const gd = chart();
      if (gd && gd.layout) window.Plotly.relayout(gd, { "yaxis.type": type, "yaxis.autorange": true });
    },
  };
})();
