// The columns of the table of runs: chosen here, and kept in this browser with their order and width.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const KEPT = "lrscope-runs-columns";
  const PHONE = "(max-width: 720px)";
  const EVENTS = ["columnMoved", "columnVisible", "columnResized"];
  let first = []; // the columns as the server has ordered them

  const read = () => {
    try {
      return JSON.parse(localStorage.getItem(KEPT));
    } catch { // what is kept was damaged, or the browser keeps nothing
      return null;
    }
  };
  const widths = ({ colId, hide, width }) => ({ colId, hide, width });

  // On a phone a few columns at first.
  function narrowed(state) {
    if (!window.matchMedia(PHONE).matches) return state;
    const few = document.querySelector(".runs-table").dataset.phone.split(" ");
    const place = ({ colId }) => few.indexOf(colId) + 1 || few.length + 1;
    const own = ({ colId }) => colId.startsWith("ag-Grid");
    const rest = state.filter((column) => !own(column)).map((column) => ({ ...column, hide: !few.includes(column.colId) }));
    return [...state.filter(own), ...rest.sort((a, b) => place(a) - place(b))];
  }

  function restore(api) {
    first = narrowed(api.getColumnState().map(widths));
    const kept = read();
    api.applyColumnState({ state: Array.isArray(kept) ? kept : first, applyOrder: true });
    for (const name of EVENTS) api.addEventListener(name, keep);
  }

  function keep({ api, source, finished }) {
    if (source === "api" || finished === false) return;
    store(api);
  }

  function store(api) {
    try {
      localStorage.setItem(KEPT, JSON.stringify(api.getColumnState().map(widths)));
    } catch { /* the browser keeps nothing: they last as long as the page */ }
  }

  function choice(api) {
    const boxes = api.getColumns().filter((column) => !column.getColId().startsWith("ag-Grid")).map((column) => {
      const label = document.createElement("label"), box = document.createElement("input");
      Object.assign(box, { type: "checkbox", checked: column.isVisible(), value: column.getColId() });
      const { headerName, headerTooltip } = column.getColDef();
      label.append(box, headerName === "★" || headerName === "#" ? { "★": "Star", "#": "Number" }[headerName] : headerName);
      label.title = headerTooltip;
      return label;
    });
    const reset = document.createElement("button");
    reset.textContent = "As at first";
    return [...boxes, reset];
  }

  const panel = () => lrscope.page.element("runs-columns");

  document.addEventListener("toggle", ({ target }) => {
    if (target.id !== "runs-columns" || !target.open) return;
    target.querySelector(".runs-choice").replaceChildren(...choice(lrscope.table_of_runs.api()));
  }, true);

  document.addEventListener("change", ({ target }) => {
    if (!target.closest(".runs-choice")) return;
    const api = lrscope.table_of_runs.api();
    api.setColumnsVisible([target.value], target.checked);
    if (target.checked) api.ensureColumnVisible(target.value);
    store(api);
  });

  document.addEventListener("click", ({ target }) => {
    const open = panel() && panel().open;
    if (open && target.closest(".runs-choice button")) {
      localStorage.removeItem(KEPT);
      lrscope.table_of_runs.api().applyColumnState({ state: first, applyOrder: true });
      panel().open = false;
    } else if (open && !target.closest("#runs-columns")) panel().open = false;
  });

  document.addEventListener("keydown", ({ key, target }) => {
    if (key !== "Escape" || !target.closest("#runs-columns")) return;
    panel().open = false;
    panel().querySelector("summary").focus();
  });

  lrscope.columns_of_runs = { restore };
})();
