// Draws the heat map of the sweep on show: a square of the page for each cell, of which only those
// that have changed are drawn anew.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  // Pixels. A cell is as wide as there is room for; its number is written from LEAST on.
  const WIDEST = 84, ROOMY = 46, LEAST = 34, HEIGHT = 32, LETTER = 7.2, MARGIN = 8;
  const HEAD = 24, GAP = 13; // above a panel for its columns' values, and between panels
  const place = () => lrscope.page.element("sweep-heat");
  let drawn = null; // what is drawn, where, and the element and the text of each cell

  function make(tag, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  const longest = (texts) => Math.max(1, ...texts.map((text) => text.length));
  const sum = (values) => values.reduce((total, value) => total + value, 0);

  // Where everything lies: as many panels side by side as leave room for numbers.
  function laid({ rows, columns, panels, names }, width) {
    const room = longest([...rows, names[0]]) * LETTER + 2 * MARGIN, counts = columns.map((own) => own.length);
    const lineOf = (beside, line) => counts.slice(line * beside, (line + 1) * beside);
    const wide = (beside) => {
      const cells = counts.map((_, line) => lineOf(beside, line)).filter((line) => line.length);
      return Math.min(...cells.map((line) => (width - room - MARGIN - (line.length - 1) * GAP) / sum(line)));
    };
    let beside = panels.length;
    while (beside > 1 && wide(beside) < ROOMY) beside -= 1;
    const cell = Math.max(4, Math.min(wide(beside), Math.max(WIDEST, longest(columns.flat()) * LETTER)));
    const head = panels[0] ? 2 * HEAD : HEAD, down = rows.length * HEIGHT;
    const across = (panel) => counts[panel] * cell;
    const lines = Math.ceil(panels.length / beside);
    const corner = (panel) => {
      const line = Math.floor(panel / beside), before = counts.slice(line * beside, panel);
      return [room + sum(before) * cell + before.length * GAP, MARGIN + head + line * (head + down + GAP)];
    };
    const ends = panels.map((_, panel) => corner(panel)[0] + across(panel));
    return {
      cell, room, head, across, down, corner, lines, beside, whole: Math.max(...ends) - room,
      height: MARGIN + lines * (head + down + GAP) + (names[1] ? HEAD : 0),
      at([panel, row, column]) {
        const [x, y] = corner(panel);
        return [x + column * cell, y + row * HEIGHT];
      },
    };
  }

  // A text with as many of its letters as there is room for.
  function cut(told, width) {
    const most = Math.max(1, Math.floor(width / LETTER));
    return told.length > most ? `${told.slice(0, most - 1)}…` : told;
  }

  // The values of the axes beside the panels, and what the axes are called.
  function labels({ rows, columns, panels, names }, { cell, room, head, across, down, corner, lines, beside, whole }) {
    const text = (x, y, told, kind) => make("text", { x, y, class: `sweep-label ${kind}` }, told);
    const left = room - MARGIN / 2, made = [];
    for (let line = 0; line < lines; line += 1) {
      const [, y] = corner(line * beside);
      made.push(text(left, y - HEAD / 2, names[0], "beside"));
      rows.forEach((told, i) => made.push(text(left, y + (i + 0.5) * HEIGHT, told, "beside row")));
    }
    panels.forEach((panel, i) => {
      const [x, y] = corner(i);
      columns[i].forEach((told, j) => told && made.push(text(x + (j + 0.5) * cell, y - HEAD / 2, cut(told, cell), "")));
      if (panel) made.push(text(x + across(i) / 2, y - head + HEAD / 2, cut(panel, across(i)), "panel-name"));
    });
    const [, last] = corner(panels.length - 1);
    if (names[1]) made.push(text(room + whole / 2, last + down + HEAD / 2, names[1], ""));
    return made;
  }

  function paint(element, { shade, lost, ink, number, sign, mark }, width) {
    const [light, dark] = ink, text = element.lastChild;
    element.dataset.state = shade !== null ? "measured" : lost ? "lost" : "empty";
    element.dataset.mark = mark;
    element.style.cssText = `--shade: ${shade ?? 0}%; --light: var(--${light}); --dark: var(--${dark})`;
    text.textContent = [width < LEAST ? "" : number, sign].filter(Boolean).join("\u202f");
  }

  // Draws a map; `pointed` is told the cell under the pointer, `chosen` the one that is clicked.
  function draw(map, pointed, chosen) {
    const { cells, rows, columns, panels, names } = map, width = place().clientWidth || 640;
    const key = JSON.stringify([rows, columns, panels, names, width, cells.map(({ at }) => at)]);
    if (drawn?.key !== key || !drawn.svg.isConnected) {
      const where = laid(map, width), inset = 1;
      const elements = cells.map(({ at }, i) => {
        const [x, y] = where.at(at), box = { x: x + inset, y: y + inset, width: where.cell - 2 * inset, height: HEIGHT - 2 * inset };
        return make("g", { class: "sweep-cell", "data-i": i }, make("rect", box), make("text", { x: x + where.cell / 2, y: y + HEIGHT / 2 }));
      });
      const svg = make("svg", { width, height: where.height, "aria-hidden": "true" }, ...labels(map, where), ...elements);
      const own = ({ target }) => drawn.map.cells[target.closest?.(".sweep-cell")?.dataset.i];
      svg.onpointerover = (event) => pointed(own(event));
      svg.onpointerleave = () => pointed(null);
      svg.onclick = (event) => own(event) && chosen(own(event));
      place().replaceChildren(svg);
      drawn = { key, svg, where, elements, told: [] };
    }
    drawn.map = map;
    cells.forEach((cell, i) => {
      const told = [cell.shade, cell.lost, cell.ink, cell.number, cell.sign, cell.mark].join();
      if (drawn.told[i] === told) return;
      drawn.told[i] = told;
      paint(drawn.elements[i], cell, drawn.where.cell);
    });
  }

  // The box of a cell, from the map's top left.
  function box({ at }) {
    const [left, top] = drawn.where.at(at);
    return { left, top, width: drawn.where.cell, height: HEIGHT };
  }

  lrscope.map = { draw, box };
})();
