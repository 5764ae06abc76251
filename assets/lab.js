// The browser's half of the Lab: draws what the server sends.

(function () {
  const noUpdate = () => window.dash_clientside.no_update;
  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const chart = () => document.querySelector("#chart .js-plotly-plot");
  const scheme = () =>
    document.documentElement.getAttribute("data-mantine-color-scheme") === "dark" ? "dark" : "light";

  window.dashMantineFunctions = window.dashMantineFunctions || {};
  window.dashMantineFunctions.pow10scale = (exponent) => 10 ** exponent;

  // The colours of every chart in both themes, by the chart's id, as the page brought them.
  // Mantine's toggle sets the attribute; the property that Dash would report starts out wrong for
  // a page that begins dark.
  let themes = {};
  function recolour() {
    for (const gd of document.querySelectorAll(".js-plotly-plot")) {
      const own = themes[gd.closest(".dash-graph").id];
      if (!own || !gd._fullLayout) continue;
      const theme = own[scheme()];
      if (gd._fullLayout.font.color !== theme.layout.font.color) {
        window.Plotly.react(gd, gd.data, { ...gd.layout, template: theme });
      }
    }
  }
  new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-mantine-color-scheme"] });

  // The tab that is open beside the charts.
  const lookedAt = () => document.getElementById("explains").dataset.tab;

  // The epoch that a person points at, in the log and in the charts alike.
  let pointed = null;

  function pointAt(epoch) {
    const gd = chart(), log = document.getElementById("log");
    pointed = epoch === pointed ? null : epoch;
    log.querySelectorAll("[aria-selected=true]").forEach((row) => row.setAttribute("aria-selected", "false"));
    const row = pointed && logRowOf(pointed);
    if (row) {
      row.setAttribute("aria-selected", "true");
      if (row.offsetTop < log.scrollTop || row.offsetTop + row.offsetHeight > log.scrollTop + log.clientHeight) {
        log.scrollTop = row.offsetTop - log.clientHeight / 3;
      }
    }
    if (gd && gd._fullLayout) window.Plotly.relayout(gd, { shapes: withPointer(gd.layout.shapes || []) });
    set("pointed", { data: pointed });
    nameFork();
  }

  // What Fork says: the epoch that is pointed at, else the last one.
  const nameFork = () => set("fork", { children: `Fork after epoch ${pointed || cursor.epoch || forked}` });

  // Space pauses and goes on, wherever the page does not need it otherwise.
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || event.target.closest("input, textarea, button, [role=slider], [role=dialog], summary, #log")) return;
    const pause = document.getElementById("pause");
    if (pause && !pause.disabled) {
      event.preventDefault();
      pause.click();
    }
  });

  // What the what-if adds to the charts: its LR and cuts from the first differing epoch on.
  let imagined = null;
  function imagine() {
    const gd = chart();
    if (!gd || !gd._fullLayout || !gd.data || !gd.data.length) return;
    const { x, y, first } = imagined || { x: [[], []], y: [[], []], first: null };
    const last = gd.data.length;
    const shapes = (gd.layout.shapes || []).filter((shape) => shape.name !== "what-if");
    const labels = (gd.layout.annotations || []).filter((label) => label.name !== "what-if");
    if (first) {
      const at = { xref: "x", yref: "paper", name: "what-if" };
      shapes.push({ ...at, type: "line", x0: first - 0.5, x1: first - 0.5, y0: 0, y1: 1, line: { color: "#868e96", dash: "dash" } });
      labels.push({ ...at, x: first - 0.5, y: 0.32, xanchor: "left", text: "differs from here", showarrow: false, font: { color: "#868e96" } });
    }
    window.Plotly.update(gd, { x, y }, { shapes, annotations: labels }, [last - 2, last - 1]);
  }

  function withPointer(shapes) {
    const others = shapes.filter((shape) => shape.name !== "pointer");
    if (!pointed) return others;
    return others.concat({
      name: "pointer", type: "rect", layer: "below", line: { width: 0 }, fillcolor: "rgba(134, 142, 150, 0.25)",
      xref: "x", yref: "paper", x0: pointed - 0.5, x1: pointed + 0.5, y0: 0, y1: 1,
    });
  }

  document.addEventListener("click", (event) => {
    const row = event.target.closest("#log [data-epoch]");
    if (row) pointAt(Number(row.dataset.epoch));
  });
  document.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.target.id !== "log" || !step) return;
    const newest = document.querySelector("#log [data-epoch]");
    const next = pointed === null ? Number(newest && newest.dataset.epoch) : pointed + step;
    if (logRowOf(next)) pointAt(next);
    event.preventDefault();
  });

  // Labels of cuts that stand too close to the last one that is shown would be read as one word.
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

  // The epoch that the run on show was forked from: what is before it is another run's.
  let forked = 0;

  function logRow({ epoch, kind, text }) {
    const row = document.createElement("li");
    if (epoch <= forked) row.dataset.past = "";
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", "false");
    row.dataset.kind = kind;
    row.dataset.epoch = epoch;
    const number = document.createElement("span");
    number.className = "log-epoch";
    number.textContent = epoch;
    const sentence = document.createElement("span");
    sentence.textContent = text;
    row.append(number, sentence);
    return row;
  }

  // Newest first, so that what just happened is read without scrolling.
  function prependLog(sentences) {
    const log = document.getElementById("log");
    log.prepend(...sentences.map(([epoch, kind, text]) => logRow({ epoch, kind, text })).reverse());
  }

  // The oldest sentences of a long run, newest first: ten thousand rows would take a page seconds,
  // so they are made when someone scrolls or asks for them.
  let older = [];
  const unfold = () => document.getElementById("log").append(...older.splice(0, 500).map(logRow));
  document.addEventListener("scroll", ({ target }) => {
    if (target.id === "log" && target.scrollTop + 3 * target.clientHeight > target.scrollHeight) unfold();
  }, true);

  function logRowOf(epoch) {
    const made = () => document.querySelector(`#log [data-epoch="${epoch}"]`);
    while (!made() && older.length) unfold();
    return made();
  }

  // What the page says beside the charts, by place: the text of an element, or one of these. What
  // it says already is left alone, for each property that Dash is given costs it a look at all of
  // the page.
  let told = {};
  const places = {
    percent: (percent) => { document.getElementById("progress").value = percent; },
    status: ([state, word]) => set("status", { children: word, "data-state": state }),
    live: (live) => ["stop", "pause", "step"].forEach((id) => set(id, { disabled: !live })),
    paused: (paused) => set("pause", { children: paused ? "Go on" : "Pause" }),
    strip: (state) => { document.getElementById("strip").dataset.state = state; },
    meter([bad, patience]) {
      const { style } = document.getElementById("meter");
      style.setProperty("--bad", bad);
      style.setProperty("--patience", patience);
    },
  };
  function tell(readout) {
    for (const [place, says] of Object.entries(readout)) {
      if (JSON.stringify(told[place]) === JSON.stringify(says)) continue;
      if (places[place]) places[place](says);
      else document.getElementById(place).textContent = says;
    }
    told = { ...told, ...readout };
  }

  // Up to where this page has seen, and the epochs on the axis; null before its first drawing.
  let cursor = null;
  const SOON_MS = 100;
  let timer, hurried = 0; // so many questions more are asked soon, after a click
  function askIn(ms) {
    clearTimeout(timer);
    timer = setTimeout(ask, ms);
  }

  // Ask what is new after the cursor, show it, and ask again when the server says.
  async function ask() {
    const asked = cursor;
    let news;
    try {
      const answer = await fetch("/live", { method: "POST", body: JSON.stringify(asked) });
      if (!answer.ok) throw new Error(await answer.text());
      news = await answer.json();
    } catch {
      tell({ notice: "LRScope does not answer. Start it again: this page goes on from here." });
      cursor = { ...cursor, stands: null };
      askIn(2000);
      return;
    }
    if (asked !== cursor) return; // another drawing has come since, and asks for itself
    if (news.runs) {
      set("run", news.follow ? { data: news.runs, value: news.follow } : { data: news.runs });
      cursor = { ...cursor, begun: news.begun };
    }
    if (news.readout) {
      tell(news.readout);
      if (!news.drawn || extend(news.drawn)) cursor = { ...cursor, stands: news.stands };
    }
    askIn(hurried-- > 0 ? SOON_MS : news.wait);
  }

  // New rows, drawn once; false where the charts are not there yet.
  function extend({ traces, shapes, annotations, log, epoch, change, epochs }) {
    const gd = chart();
    if (!gd || !gd.layout || gd.layout.meta !== cursor.view) return false;
    const { Plotly } = window;
    const plain = traces.filter((t) => t.length === 3);
    Plotly.extendTraces(gd, { x: plain.map((t) => t[1]), y: plain.map((t) => t[2]) }, plain.map((t) => t[0]));
    for (const [i, x, y, text] of traces.filter((t) => t.length === 4)) {
      Plotly.extendTraces(gd, { x: [x], y: [y], text: [text] }, [i]);
    }
    const frame = {}, range = [0.5, epochs + 0.5];
    if (cursor.epoch === 0 && epoch > 0) frame["yaxis.autorange"] = frame["yaxis2.autorange"] = true;
    if (shapes.length) {
      frame.shapes = (gd.layout.shapes || []).concat(shapes);
      frame.annotations = declutter((gd.layout.annotations || []).concat(annotations), range);
    }
    if (epochs !== cursor.epochs) frame["xaxis.range"] = range;
    if (Object.keys(frame).length) Plotly.relayout(gd, frame);
    recolour(); // a change of theme may have met a drawing under way
    prependLog(log);
    cursor = { ...cursor, epoch, change, epochs };
    if (!pointed) nameFork();
    if (lookedAt() === "what-if") set("what-if-epoch", { data: epoch });
    return true;
  }

  // What is done by hand is soon seen.
  document.addEventListener("click", ({ target }) => {
    if (!cursor || !target.closest("#run-panel button")) return;
    hurried = 10;
    askIn(SOON_MS);
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    lab: {
      // A whole run: the figure, its log, what is said beside them, and the cursor after it all.
      draw(view, templates, lossScale) {
        if (!view) return noUpdate();
        const { figure, pace } = view;
        forked = view.forked;
        document.getElementById("log").replaceChildren();
        older = view.log.map(([epoch, kind, text]) => ({ epoch, kind, text })).reverse();
        unfold();
        pointed = null;
        set("pointed", { data: null });
        figure.layout.annotations = declutter(figure.layout.annotations, figure.layout.xaxis.range);
        themes = templates;
        figure.layout.template = themes.chart[scheme()];
        if (lossScale === "linear") figure.layout.yaxis.type = "linear";
        if (lossScale === "linear" && figure.layout.yaxis.range) figure.layout.yaxis.range = [0, 2.5];
        tell(view.readout);
        if (pace) set("pace", { value: pace });
        cursor = { ...view.cursor, epochs: figure.layout.xaxis.range[1] - 0.5 };
        nameFork();
        if (lookedAt() === "what-if") set("what-if-epoch", { data: cursor.epoch });
        askIn(SOON_MS);
        return figure;
      },

      forget() {
        set("refused", { children: "" });
      },

      // The LR ahead, a sentence about it, and what may surprise.
      preview(ahead, templates) {
        const list = document.getElementById("surprises");
        list.replaceChildren(...ahead.surprises.map((sentence) => {
          const item = document.createElement("li");
          item.textContent = sentence;
          return item;
        }));
        if (!ahead.figure) return [noUpdate(), ahead.text];
        themes = templates;
        ahead.figure.layout.template = themes["preview-chart"][scheme()];
        return [ahead.figure, ahead.text];
      },

      // The what-if panel: open or not, and what it adds to the charts.
      whatIf(result, tab) {
        document.getElementById("explains").dataset.tab = tab;
        imagined = tab === "what-if" ? result : null;
        imagine();
      },

      whatIfEpoch(tab) {
        return tab === "what-if" && cursor ? cursor.epoch : noUpdate();
      },

      drawMap(shown, measure, templates) {
        if (!shown) return noUpdate();
        themes = templates;
        const figure = shown.figures[measure];
        figure.layout.template = themes.map[scheme()];
        return figure;
      },

      // A click on a cell of the map sets the two settings that it stands for.
      click(clicked, shown, fields) {
        if (!clicked || !shown) return;
        const { keys, owners } = shown.cells;
        [clicked.points[0].x, clicked.points[0].y].forEach((value, i) => {
          const id = fields.find((field) => field.key === keys[i] && field.owner === owners[i]);
          if (id) set(id, { value: String(value) });
        });
      },

      point(click) {
        if (click) pointAt(Math.round(click.points[0].x));
      },

      rescale(type) {
        const gd = chart();
        if (gd && gd.layout) window.Plotly.relayout(gd, { "yaxis.type": type, "yaxis.autorange": true });
      },

      // Where the form stands above the charts, a fork brings the form into sight, and Start
      // brings the charts.
      revealForm(fork) {
        const form = document.getElementById("form");
        if (fork && form.getBoundingClientRect().top < 0) {
          form.parentElement.scrollIntoView({ behavior: "smooth" });
        }
      },
      reveal() {
        const panel = document.getElementById("run-panel");
        if (panel.getBoundingClientRect().top > 200) panel.scrollIntoView({ behavior: "smooth" });
      },

      // A box and its slider show the same value; the one that was moved leads. Only what differs
      // is set: an output for every control would draw them all again.
      follow(texts, positions, fields, sliders, scales, steps) {
        const context = window.dash_clientside.callback_context;
        const same = (a, b) => a.key === b.key && a.owner === b.owner;
        const slid = context.triggered
          .map((t) => JSON.parse(t.prop_id.slice(0, t.prop_id.lastIndexOf("."))))
          .filter((id) => id.type.endsWith("-slider"));
        sliders.forEach((id, i) => {
          const place = fields.findIndex((field) => same(field, id));
          const text = texts[place];
          const number = Number(text);
          if (slid.some((moved) => same(moved, id))) {
            const value = scales[i] ? 10 ** positions[i] : positions[i];
            const shown = Number(value.toPrecision(steps[i] >= 1 ? 6 : 2));
            if (shown !== number) {
              set(fields[place], { value: shown < 1e-3 && shown > 0 ? shown.toExponential() : String(shown) });
            }
          } else if (text !== "" && Number.isFinite(number) && (!scales[i] || number > 0)) {
            const position = scales[i] ? Math.log10(number) : number;
            if (Math.abs(position - positions[i]) > steps[i] / 2) set(id, { value: position });
          }
        });
      },

      tellProblems(problems, fields, errors) {
        fields.forEach((id, i) => {
          const told = problems.find((p) => p.id.key === id.key && p.id.owner === id.owner);
          const sentence = told ? told.sentence : null;
          if ((errors[i] || null) !== sentence) {
            set(id, { error: sentence });
          }
        });
      },

      keepQuery(query) {
        if (query !== undefined && query !== null && query !== window.location.search) {
          history.replaceState(null, "", window.location.pathname + query);
        }
      },
    },
  });
})();
