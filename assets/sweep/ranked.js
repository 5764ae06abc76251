// The settings of the sweep on show as a table: sorted by a column, a row leads to its cell.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const MOST = 100; // rows, unless all are asked for
  const TEXT = new Set(["status", "runs"]);
  const element = (id) => lrscope.page.element(id);
  let known = null, sort = { key: "rank", down: false }, all = false;

  function make(tag, props = {}, ...children) {
    const made = document.createElement(tag);
    Object.assign(made, props);
    made.append(...children);
    return made;
  }

  // The rows in their order: by the places of their values, the best first where these are the same.
  function sorted() {
    const { rows, order } = known, ranks = new Map(order.map((id, i) => [id, i]));
    const place = (id) => (sort.key === "rank" || sort.key === "mean" ? ranks.get(id) : rows[id][`${sort.key}-place`]);
    const ids = [...order].sort((a, b) => (sort.down ? -1 : 1) * (place(a) - place(b)) || ranks.get(a) - ranks.get(b));
    return ids.map((id) => [rows[id], rows[id].mean ? String(ranks.get(id) + 1) : ""]);
  }

  function heading([key, name, hint]) {
    const button = make("button", { title: hint, textContent: name || "#" });
    button.dataset.sort = key;
    const cell = make("th", { scope: "col" }, button);
    if (key === sort.key) cell.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
    if (!TEXT.has(key)) cell.className = "number";
    return cell;
  }

  function line([row, rank]) {
    const cells = known.columns.map(([key]) => {
      const text = key === "rank" ? rank : row[key];
      const cell = make("td", { className: TEXT.has(key) ? "" : "number" });
      if (key === "runs") cell.append(make("a", { href: `/?run=${row.run}`, className: "plain-link", textContent: text }));
      else cell.textContent = text;
      return cell;
    });
    const made = make("tr", { title: row.said }, ...cells);
    Object.assign(made.dataset, { runs: row.all.join(","), mark: row.mark, ended: row.ended });
    return made;
  }

  function draw(ranked) {
    known = ranked;
    const place = element("sweep-ranked"), rows = sorted(), shown = all ? rows : rows.slice(0, MOST);
    const focused = place.contains(document.activeElement) ? document.activeElement.dataset.sort : null;
    const table = make("table", {}, make("thead", {}, make("tr", {}, ...known.columns.map(heading))), make("tbody", {}, ...shown.map(line)));
    const more = make("button", { className: "sweep-more", textContent: `Show all ${rows.length.toLocaleString("en")}` });
    place.replaceChildren(table, ...(shown.length < rows.length ? [more] : []));
    if (focused) place.querySelector(`[data-sort="${focused}"]`).focus();
    lrscope.heat.remark();
  }

  document.addEventListener("click", ({ target }) => {
    if (!target.closest?.("#sweep-ranked") || target.closest("a")) return;
    const button = target.closest("[data-sort]"), row = target.closest("tr[data-runs]");
    if (button) {
      const { sort: key } = button.dataset;
      sort = { key, down: sort.key === key && !sort.down };
      draw(known);
    } else if (target.closest(".sweep-more")) {
      all = true;
      draw(known);
    } else if (row) lrscope.heat.choose(row.dataset.runs.split(",").map(Number));
  });

  lrscope.ranked = { draw };
})();
