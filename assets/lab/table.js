// The numbers of the charts as a table, newest epoch first: of the moment in which it is opened.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const number = (value) => (value === null || value === undefined ? "" : Number(value.toPrecision(3)).toString());

  function cell(tag, text) {
    const made = document.createElement(tag);
    made.textContent = text;
    if (tag === "th") made.scope = "col";
    return made;
  }

  function row(tag, texts) {
    const made = document.createElement("tr");
    made.append(...texts.map((text) => cell(tag, text)));
    return made;
  }

  function table() {
    const { data } = lrscope.charts.gd();
    const columns = data.filter(({ meta }) => /^(metric|told):|^(lr_used|level)$/.test(meta));
    const values = columns.map(({ x, y }) => new Map(x.map((epoch, i) => [epoch, y[i]])));
    const epochs = [...new Set(columns.flatMap(({ x }) => x))].sort((a, b) => b - a);
    const head = document.createElement("thead"), body = document.createElement("tbody");
    head.append(row("th", ["epoch", ...columns.map(({ name }) => name), "what the schedule did"]));
    const said = lrscope.log.sentences();
    body.append(...epochs.map((epoch) => row("td", [epoch, ...values.map((of) => number(of.get(epoch))), said.get(epoch) || ""])));
    const made = document.createElement("table");
    made.append(head, body);
    return made;
  }

  function open(opens) {
    const panel = lrscope.page.element("table");
    panel.hidden = !opens;
    lrscope.page.element("table-button").setAttribute("aria-expanded", String(opens));
    panel.replaceChildren(...(opens ? [table()] : []));
    if (opens) panel.focus();
  }

  document.addEventListener("click", ({ target }) => {
    if (target.id === "table-button") open(lrscope.page.element("table").hidden);
  });

  lrscope.table = { close: () => open(false) };
})();
