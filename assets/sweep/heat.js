// The heat map of the sweep on show: what it shows is chosen above it, and the arrow keys lead from
// cell to cell.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const HOVER_MS = 120, OFF = 14; // pixels of the tip from its cell
  const element = (id) => lrscope.page.element(id);
  const WORDS = { metric: "Metric", y: "Down", x: "Across", by: "For each", tree: "Colour" };
  const AXES = new Set(["y", "x", "by"]);
  let chosenLook = {}; // what is drawn
  let map = null, current = null, pointed = null, hovering, watched = null;

  const cells = () => map?.cells ?? [];
  const same = (a, b) => a.runs.join() === b.runs.join();
  const own = (runs) => cells().find((cell) => cell.runs.some((run) => runs.includes(run)));

  function draw(its) {
    map = its;
    element("sweep-note").textContent = map.note;
    legend(map.legend);
    paint();
    watch();
    const chosen = current && (cells().find((cell) => same(cell, current)) || own(current.runs));
    if (chosen) select(chosen, false);
    else place();
    if (pointed) point(own(pointed.runs));
  }

  const paint = () => lrscope.map.draw(map, point, (cell) => select(cell, true));

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

  // What the pointer is on is told beside it, and a moment later shown with its curves.
  function point(cell) {
    const tip = element("sweep-tip");
    pointed = cell;
    clearTimeout(hovering);
    tip.hidden = !cell;
    if (!cell) {
      if (current) lrscope.cell.show(current.runs, current.told);
      return;
    }
    tip.replaceChildren(...cell.told.map((line, i) => Object.assign(document.createElement(i ? "span" : "strong"), { textContent: line })));
    const { left, top, width, height } = lrscope.map.box(cell), room = tip.parentElement.clientWidth;
    const beside = left + width / 2 < room / 2 ? { left: `${left + width + OFF}px`, right: "" } : { left: "", right: `${room - left + OFF}px` };
    Object.assign(tip.style, { ...beside, top: `${top + height / 2}px` });
    hovering = setTimeout(() => lrscope.cell.show(cell.runs, cell.told), HOVER_MS);
  }

  // A map of another width is laid out anew.
  function watch() {
    const gd = element("sweep-heat");
    if (watched === gd) return;
    watched = gd;
    let width = gd.clientWidth;
    new ResizeObserver(() => {
      if (!gd.clientWidth || gd.clientWidth === width) return;
      width = gd.clientWidth;
      paint();
      place();
      lrscope.sweep.hurry();
    }).observe(gd);
  }

  // A cell is chosen: its curves and its row are shown, and the keys go on from it.
  function select(cell, focus) {
    current = cell;
    const cursor = element("sweep-cursor");
    cursor.setAttribute("aria-label", cell.told.join(". "));
    cursor.dataset.chosen = "";
    place();
    if (focus) cursor.focus({ preventScroll: true });
    lrscope.cell.show(cell.runs, cell.told);
    lrscope.cell.mark(cell.runs);
  }

  // Puts the frame over its cell.
  function place() {
    const cell = current || cells()[0];
    if (!cell) return;
    const box = Object.entries(lrscope.map.box(cell)).map(([side, pixels]) => [side, `${pixels}px`]);
    Object.assign(element("sweep-cursor").style, Object.fromEntries(box));
  }

  const corner = (cell) => [lrscope.map.box(cell).left, lrscope.map.box(cell).top];
  const WAYS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 1], ArrowUp: [1, -1] };

  // The next cell that way, in the same row or column.
  function next(from, key) {
    const [axis, sign] = WAYS[key], at = corner(from);
    const ahead = cells().filter((cell) => {
      const to = corner(cell);
      return Math.abs(to[1 - axis] - at[1 - axis]) < 1 && sign * (to[axis] - at[axis]) > 1;
    });
    return ahead.sort((a, b) => sign * (corner(a)[axis] - corner(b)[axis]))[0];
  }

  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "sweep-cursor" || !cells().length) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (current) window.location.assign(`/?run=${current.runs[0]}`);
      else select(cells()[0], true);
      return;
    }
    if (!(event.key in WAYS)) return;
    event.preventDefault();
    point(null);
    const to = current ? next(current, event.key) : cells()[0];
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
    // The row of the chosen cell, in a table that is new.
    remark: () => current && lrscope.cell.mark(current.runs),
    // The pixels that there are; null before the page is laid out.
    width: () => element("sweep-heat") && (element("sweep-heat").clientWidth || 640),
    // The cell of these runs, chosen elsewhere.
    choose(runs, focus = false) {
      const cell = own(runs);
      if (cell) select(cell, focus);
    },
  };
})();
