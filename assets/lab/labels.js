// Text over the charts: the name of each curve at its right end, a dot at its last point, the best
// value, what moved the LR, and where the run is now. They are elements of the page, since plotly
// would draw its whole layout again to move one of its labels.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const CROWDED = 10; // pixels between two things that the schedule did
  const LINE = 15; // pixels between two labels, one under the other
  let ends = {}, best = null, now = null;
  let marks = { run: [] };

  // The last point of a curve that can be drawn on its axis.
  function lastPoint({ x, y }, axis) {
    for (let i = x.length - 1; i >= Math.max(0, x.length - 500); i--) {
      if (Number.isFinite(y[i]) && !(axis.type === "log" && y[i] <= 0)) return [x[i], y[i]];
    }
    return null;
  }

  const inside = (axis, pixel) => pixel >= -1 && pixel <= axis._length + 1;

  function item(className, text, colour, left, top) {
    const made = document.createElement("span");
    made.className = className;
    made.textContent = text;
    if (colour) made.style.setProperty("--mark", `var(--${colour})`);
    made.style.left = `${left}px`;
    made.style.top = `${top}px`;
    return made;
  }

  // Moves labels apart that would cover each other, within their pane.
  function apart(labels, height) {
    labels.sort((a, b) => a.top - b.top);
    labels.forEach((label, i) => {
      label.top = Math.max(label.top, i ? labels[i - 1].top + LINE : LINE / 2);
    });
    labels.reverse().forEach((label, i) => {
      label.top = Math.min(label.top, i ? labels[i - 1].top - LINE : height - LINE / 2);
    });
  }

  const roomFor = (text) => 7 * text.length + 8; // pixels, no less than it takes

  // The number of the parameter group whose LR a trace is, if its end has a name; 0 if it is none.
  const groupOf = (key) => (key === "lr" ? 1 : Number((/^group:(\d+)$/.exec(key) || [])[1] || 0));

  // The name of parameter groups with the same LR, whose curves cover each other.
  function groupNames(groups) {
    if (groups.length > 3) return `${groups.length} groups`;
    return `group${groups.length > 1 ? "s" : ""} ${groups.sort((a, b) => a - b).join(", ")}`;
  }

  // The names of curves at their right ends: text and colour by the key of the trace. Returns the
  // room that they take.
  function endLabels(gd, layer, ends) {
    const { xaxis, yaxis, yaxis2 } = gd._fullLayout;
    const placed = [];
    for (const axis of [yaxis, yaxis2]) {
      if (!axis) continue;
      const labels = [];
      for (const trace of gd.data) {
        if (!ends[trace.meta] || trace.visible === false || (trace.yaxis || "y") !== axis._id) continue;
        const last = lastPoint(trace, axis);
        if (!last) continue;
        const [text, colour] = ends[trace.meta];
        const top = axis.d2p(last[1]), left = xaxis.d2p(last[0]);
        if (!inside(axis, top)) continue;
        const group = groupOf(trace.meta), twin = group && labels.find((label) => label.groups && label.top === top);
        if (twin) {
          twin.groups.push(group);
          continue;
        }
        labels.push({ text, colour, top, isOther: trace.meta.startsWith("other"), groups: group && [group] });
        if (trace.meta.startsWith("metric:") && inside(xaxis, left)) {
          layer.append(item("beam", "", colour, xaxis._offset + left, axis._offset + top));
        }
      }
      labels.sort((a, b) => a.isOther - b.isOther);
      labels.splice(Math.floor(axis._length / LINE)); // no more than there is room for
      apart(labels, axis._length);
      for (const { text: own, groups, colour, top } of labels) {
        const text = groups ? groupNames(groups) : own;
        const start = xaxis._length + 6;
        placed.push({ pane: axis, start, end: start + roomFor(text), top });
        layer.append(item("end", text, colour, xaxis._offset + start, axis._offset + top));
      }
    }
    return placed;
  }

  const COLOURS = { cut: "cut", hand: "level", pending: "level", turn: "lr", diverged: "cut", fork: "faint", "what-if": "faint", guess: "lr" };

  // Whether the schedule did not do the same again within a few pixels: there the curve itself shows
  // it, and the names would only cover it. What was done by hand always has its name.
  function uncrowded(xaxis) {
    const places = {};
    for (const [x, , kind] of Object.values(marks).flat()) (places[kind] = places[kind] || []).push(xaxis.d2p(x));
    for (const pixels of Object.values(places)) pixels.sort((a, b) => a - b);
    const crowds = new Set();
    for (const [kind, pixels] of Object.entries(places)) {
      pixels.forEach((pixel, i) => {
        if (i && pixel - pixels[i - 1] < CROWDED) crowds.add(`${kind} ${pixel}`).add(`${kind} ${pixels[i - 1]}`);
      });
    }
    return ([x, , kind]) => !["cut", "turn"].includes(kind) || !crowds.has(`${kind} ${xaxis.d2p(x)}`);
  }

  function markLabels(gd, layer, placed) {
    const { xaxis, yaxis, yaxis2 } = gd._fullLayout;
    const every = Object.values(marks).flat();
    // By hand first, then from the last on: where there is no room the oldest is left out.
    const byHand = ([, , kind]) => kind === "hand" || kind === "pending";
    const order = every.filter(uncrowded(xaxis)).sort((a, b) => byHand(b) - byHand(a) || b[0] - a[0]);
    for (const [x, lr, kind, text] of order) {
      const left = xaxis.d2p(x);
      if (!inside(xaxis, left)) continue;
      const pane = lr === null ? yaxis : yaxis2;
      const line = lr === null ? 17 : pane.d2p(lr);
      if (!Number.isFinite(line)) continue;
      const top = Math.min(line < 16 ? line + 11 : line - 9, pane._length - 4);
      const width = roomFor(text);
      const isFree = (start) => placed.every((other) => other.pane !== pane || start >= other.end || start + width <= other.start || Math.abs(other.top - top) >= LINE);
      // Into the margin, or to the left of the names that stand there.
      const start = [xaxis._length - width + 60, xaxis._length - width + 6].map((most) => Math.min(left + 4, most)).find(isFree);
      if (start === undefined) continue;
      placed.push({ pane, start, end: start + width, top });
      layer.append(item(`mark mark-${kind}`, text, COLOURS[kind], xaxis._offset + start, pane._offset + top));
    }
  }

  function place() {
    const gd = lrscope.charts.gd(), layer = lrscope.page.element("labels");
    if (!gd || !gd._fullLayout || !gd._fullLayout.yaxis2 || !layer) return;
    const { xaxis, yaxis, yaxis3 } = gd._fullLayout;
    layer.replaceChildren();
    markLabels(gd, layer, endLabels(gd, layer, { ...ends, ...lrscope.others.ends() }));
    layer.append(item("strip-name", "rule", "faint", xaxis._offset - 8, yaxis3._offset + yaxis3._length / 2));
    if (best && inside(xaxis, xaxis.d2p(best[0])) && inside(yaxis, yaxis.d2p(best[1]))) {
      const left = xaxis._offset + xaxis.d2p(best[0]), top = yaxis._offset + yaxis.d2p(best[1]);
      layer.append(item("best", "", best[2], left, top));
    }
    moveNow();
  }

  // The line at the batch that trains now.
  function moveNow() {
    const gd = lrscope.charts.gd(), layer = lrscope.page.element("labels");
    if (!gd || !gd._fullLayout || !gd._fullLayout.yaxis2 || !layer) return;
    let line = layer.querySelector(".now");
    const { xaxis } = gd._fullLayout;
    const left = now === null ? NaN : xaxis.d2p(now);
    if (!Number.isFinite(left) || !inside(xaxis, left)) {
      if (line) line.remove();
      return;
    }
    if (!line) layer.append((line = item("now", "", "", 0, 0)));
    line.style.left = `${xaxis._offset + left}px`;
  }

  lrscope.labels = {
    ends: endLabels,
    // What a new figure shows.
    reset(view) {
      ends = view.ends;
      best = view.best;
      marks = { run: view.marks };
    },
    add(more) {
      marks.run = marks.run.concat(more);
    },
    keep(name, its) {
      marks[name] = its;
      place();
    },
    best(found) {
      best = found || best;
    },
    now(x) {
      now = x;
      moveNow();
    },
    place,
    watch(gd) {
      if (gd.lrscopeWatched) return;
      gd.lrscopeWatched = true;
      gd.on("plotly_afterplot", () => {
        place();
        lrscope.panes.tick();
      });
      gd.on("plotly_doubleclick", lrscope.charts.showAll);
      place();
      lrscope.panes.tick();
    },
  };
})();
