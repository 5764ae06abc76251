// The heat map of the sweep on show: what it shows is chosen above it, and the arrow keys lead from
// cell to cell.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const MAP = "sweep-heat";
  const CONFIG = { showSendToCloud: false, displaylogo: false, displayModeBar: false, showTips: false, doubleClick: false };
  const HOVER_MS = 120;
  const element = (id) => lrscope.page.element(id);
  const WORDS = { metric: "Metric", y: "Down", x: "Across", by: "For each", tree: "Colour" };
  const AXES = new Set(["y", "x", "by"]);
  let chosenLook = {}; // what is drawn
  let cells = [], current = null, hovering, redraws = 0;

  // A figure in place of another; it is drawn once plotly is there.
  function figure(id, { figure, templates, height }, then = () => {}) {
    const gd = element(id);
    if (!gd) return;
    if (!window.Plotly?.react) {
      setTimeout(() => lrscope.heat.figure(id, { figure, templates, height }, then), 20);
      return;
    }
    if (height) gd.style.height = `${height}px`;
    const { data, layout } = lrscope.charts.themed(id, figure, templates);
    window.Plotly.react(gd, data, { ...layout, autosize: true, datarevision: (redraws += 1) }, CONFIG).then(then);
  }

  // The cells of a map, by their edges in its axes.
  function found(data) {
    const made = [];
    for (const { type, x, y, customdata, text } of data) {
      if (type !== "heatmap") continue;
      customdata.forEach((line, row) =>
        line.forEach((runs, column) => {
          if (!runs) return;
          made.push({ left: x[column], right: x[column + 1], top: y[row], bottom: y[row + 1], runs, text: text[row][column] });
        }),
      );
    }
    return made;
  }

  const same = (a, b) => a && b && a.runs.join() === b.runs.join();
  const own = (runs) => cells.find((cell) => cell.runs.some((run) => runs.includes(run)));

  // Lines of plotly's text, as text.
  function lines(told) {
    const reader = document.createElement("textarea");
    return told.split("<br>").map((line) => {
      reader.innerHTML = line.replace(/<\/?b>/g, "");
      return reader.value;
    });
  }

  function draw(map, known) {
    element("sweep-note").textContent = map.note;
    legend(map.legend);
    cells = found(map.figure.data);
    figure(MAP, map, () => {
      watch(element(MAP));
      place();
    });
    const chosen = current && (cells.find((cell) => same(cell, current)) || own(current.runs));
    if (chosen) select(chosen, false, known);
  }

  function legend(marks) {
    element("sweep-legend").replaceChildren(
      ...marks.map(({ outline, sign, text }) => {
        const item = document.createElement("span"), mark = document.createElement("span");
        mark.className = outline ? "sweep-outline" : "sweep-sign";
        if (outline) mark.dataset.outline = outline;
        else mark.textContent = sign;
        item.append(mark, ` ${text}`);
        return item;
      }),
    );
  }

  function watch(gd) {
    if (gd.lrscopeWatched) return;
    gd.lrscopeWatched = true;
    const pointed = ({ points: [point] }) => point.customdata && own(point.customdata);
    gd.on("plotly_hover", (event) => {
      clearTimeout(hovering);
      const cell = pointed(event);
      if (cell) hovering = setTimeout(() => lrscope.cell.show(cell.runs, lines(cell.text)), HOVER_MS);
    });
    gd.on("plotly_unhover", () => {
      clearTimeout(hovering);
      if (current) lrscope.cell.show(current.runs, lines(current.text));
    });
    gd.on("plotly_click", (event) => {
      const cell = pointed(event);
      if (cell) select(cell, true);
    });
    gd.on("plotly_afterplot", place);
    let width = gd.clientWidth;
    new ResizeObserver(() => {
      if (!gd.clientWidth || gd.clientWidth === width) return;
      width = gd.clientWidth;
      window.Plotly.Plots.resize(gd);
      lrscope.sweep.hurry();
    }).observe(gd);
  }

  // A cell is chosen: its curves and its row are shown, and the keys go on from it.
  function select(cell, focus) {
    current = cell;
    const cursor = element("sweep-cursor");
    cursor.setAttribute("aria-label", lines(cell.text).join(". "));
    cursor.dataset.chosen = "";
    place();
    if (focus) cursor.focus({ preventScroll: true });
    lrscope.cell.show(cell.runs, lines(cell.text));
    lrscope.cell.mark(cell.runs);
  }

  // Puts the frame over its cell.
  function place() {
    const gd = element(MAP), cursor = element("sweep-cursor"), cell = current || cells[0];
    if (!gd?._fullLayout || !cell) return;
    const { xaxis, yaxis } = gd._fullLayout;
    const [left, right] = [cell.left, cell.right].map((x) => xaxis._offset + xaxis.c2p(x));
    const [top, bottom] = [cell.top, cell.bottom].map((y) => yaxis._offset + yaxis.c2p(y));
    Object.assign(cursor.style, { left: `${left}px`, top: `${Math.min(top, bottom)}px`, width: `${right - left}px`, height: `${Math.abs(bottom - top)}px` });
  }

  const middle = (cell) => [(cell.left + cell.right) / 2, (cell.top + cell.bottom) / 2];
  const WAYS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 1], ArrowUp: [1, -1] };

  // The next cell that way, in the same row or column.
  function next(from, key) {
    const [axis, sign] = WAYS[key], at = middle(from);
    const ahead = cells.filter((cell) => {
      const to = middle(cell);
      return Math.abs(to[1 - axis] - at[1 - axis]) < 0.5 && sign * (to[axis] - at[axis]) > 0.25;
    });
    return ahead.sort((a, b) => sign * (middle(a)[axis] - middle(b)[axis]))[0];
  }

  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "sweep-cursor" || !cells.length) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (current) window.location.assign(`/?run=${current.runs[0]}`);
      else select(cells[0], true);
      return;
    }
    if (!(event.key in WAYS)) return;
    event.preventDefault();
    const to = current ? next(current, event.key) : cells[0];
    if (to) select(to, true);
  });

  // What the picture shows: a metric, and a setting for each axis.
  function look({ chosen, choices }) {
    chosenLook = { ...chosen };
    if (document.activeElement?.closest(".sweep-look")) return; // it is being chosen
    const control = ([part, options]) => {
      const label = document.createElement("label"), box = document.createElement("select");
      box.dataset.part = part;
      box.replaceChildren(...options.map(([value, text]) => new Option(text, value, false, value === chosen[part])));
      label.append(WORDS[part], box);
      return label;
    };
    const isOfTree = ([part]) => part === "tree";
    element("sweep-look").replaceChildren(...choices.filter((choice) => !isOfTree(choice)).map(control));
    element("sweep-tree-look").replaceChildren(...choices.filter(isOfTree).map(control));
  }

  document.addEventListener("change", ({ target }) => {
    if (!target.closest?.(".sweep-look")) return;
    const parts = new URLSearchParams(window.location.search), boxes = [...document.querySelectorAll(".sweep-look select")];
    // An axis that takes another's setting gives it its own.
    const other = boxes.find((box) => box !== target && AXES.has(box.dataset.part) && AXES.has(target.dataset.part) && box.value && box.value === target.value);
    if (other) other.value = chosenLook[target.dataset.part];
    for (const box of boxes) parts.set(box.dataset.part, (chosenLook[box.dataset.part] = box.value));
    history.replaceState(null, "", `?${parts}`);
    target.blur();
    lrscope.sweep.hurry();
  });

  lrscope.heat = {
    draw,
    look,
    figure,
    // The row of the chosen cell, in a table that is new.
    remark: () => current && lrscope.cell.mark(current.runs),
    width: () => element(MAP)?.clientWidth || 640,
    // The cell of these runs, chosen elsewhere.
    choose(runs, focus = false) {
      const cell = own(runs);
      if (cell) select(cell, focus);
    },
  };
})();
