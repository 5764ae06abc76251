// What a way to find an LR has found: its figure, its numbers, and what can be done with it.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const FIGURE = "sweep-found";
  const element = (id) => lrscope.page.element(id);

  function make(tag, props = {}, ...children) {
    const made = document.createElement(tag);
    Object.assign(made, props);
    made.append(...children);
    return made;
  }

  // A click on a point leads to its run.
  function watch(gd) {
    if (gd.lrscopeWatched) return;
    gd.lrscopeWatched = true;
    gd.on("plotly_click", ({ points: [{ customdata }] }) => {
      if (customdata) window.location.assign(`/?run=${customdata}`);
    });
    new ResizeObserver(() => gd.clientWidth && window.Plotly.Plots.resize(gd)).observe(gd);
  }

  function draw(picture) {
    element(`${FIGURE}-note`).textContent = picture ? picture.note : "Nothing is measured yet.";
    if (picture) lrscope.pictures.figure(FIGURE, picture, () => watch(element(FIGURE)));
  }

  function cell(its) {
    if (typeof its === "string") return make("td", { textContent: its });
    const [run, text] = its;
    return make("td", {}, make("a", { href: `/?run=${run}`, className: "plain-link", title: `Run ${run}`, textContent: text }));
  }

  function numbers({ columns, lines }) {
    const heads = columns.map((name) => make("th", { scope: "col", textContent: name }));
    const rows = lines.map(({ cells, best }) => {
      const row = make("tr", {}, ...cells.map(cell));
      if (best) row.dataset.mark = "answer";
      return row;
    });
    const head = make("thead", {}, make("tr", {}, ...heads));
    element(`${FIGURE}-numbers`).replaceChildren(make("table", {}, head, make("tbody", {}, ...rows)));
  }

  async function check({ target: button }) {
    button.disabled = true; // one check, however often it is clicked
    let answer;
    try {
      answer = await lrscope.page.post("/sweep/check", { sweep: lrscope.sweep.shown() });
    } catch ({ message }) {
      answer = { refused: message };
    }
    if (answer.sweep) window.location.assign(`/sweep?sweep=${answer.sweep}`);
    else {
      button.disabled = false;
      element("sweep-reason").textContent = answer.refused;
    }
  }

  function next({ use, check: asked }) {
    const shown = [];
    if (use) shown.push(make("a", { textContent: use[0], href: use[1], className: "plain-link" }));
    if (asked) shown.push(make("button", { type: "button", textContent: asked, className: "sweep-button", onclick: check }));
    element("sweep-next").replaceChildren(...shown);
  }

  lrscope.found = { draw, numbers, next };
})();
