// What is done with runs in the table: one by one in its cells, or with those that are selected.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const EDITED = { name: "rename", tags: "tags", note: "note" };
  const MOST_NAMED = 8; // of the deleted runs
  const element = (id) => lrscope.page.element(id);
  const table = () => lrscope.table_of_runs;
  const selected = () => table().api().getSelectedNodes().map(({ data }) => data).filter(Boolean);
  const numbers = () => selected().map(({ id }) => id).sort((a, b) => a - b);
  const allArchived = () => selected().every(({ archived }) => archived);
  const rows = (n) => `${n.toLocaleString("en")} ${n === 1 ? "run" : "runs"}`;

  async function change(what, runs, value = null) {
    if (!runs.length) return false;
    let refused;
    try {
      ({ refused } = await table().post("/runs/change", { what, runs, value }));
    } catch (error) {
      refused = table().fault(error);
    }
    refuse(refused);
    table().hurry();
    return !refused;
  }

  // It stays until the next change, or until it is read.
  let refusal = "", away;
  function refuse(text) {
    refusal = text || "";
    clearTimeout(away);
    if (refusal) away = setTimeout(() => refuse(""), 15_000);
    element("runs-refused").textContent = refusal;
  }

  // How many runs there are; with a selection, what can be done with it.
  function show() {
    const bar = element("runs-selection"), api = table().api();
    if (!bar || !api) return;
    const some = numbers(), count = table().count();
    element("runs-count").textContent = some.length ? `${some.length.toLocaleString("en")} of ${rows(count || 0)} selected` : count === null ? "" : rows(count);
    if (!some.length) close();
    bar.hidden = !some.length || !element("runs-noting").hidden;
    const archive = bar.querySelector("button[data-what=archive]");
    archive.textContent = some.length && allArchived() ? "Unarchive" : "Archive";
    element("runs-compare").href = `/compare?runs=${some.join(",")}`;
    element("runs-sweep").href = `/sweep?from=${some[0]}`;
    element("runs-sweep").hidden = some.length !== 1;
    lrscope.exporting.choose("runs-export", some);
  }

  // A tag or a note for the selected runs, or how often they are run again.
  const LABELS = { tag: "Tags, with commas between", note: "Note", seeds: "Number of other seeds" };
  let noting = null;
  function open(what) {
    noting = what;
    const [only] = selected();
    const field = document.createElement("input"), place = document.querySelector(".runs-field");
    const value = what === "seeds" ? "4" : what === "note" && selected().length === 1 ? only.note : "";
    Object.assign(field, { id: "runs-noted", value, maxLength: Number(place.dataset[what]) });
    place.replaceChildren(field);
    document.querySelector("label[for=runs-noted]").textContent = LABELS[what];
    element("runs-noting").hidden = false;
    show();
    field.select();
  }

  function close() {
    const form = element("runs-noting");
    if (form.hidden) return;
    form.hidden = true;
    noting = null;
  }

  async function save() {
    const [what, value] = [noting, element("runs-noted").value];
    close();
    show();
    focusTable();
    await change(what, numbers(), value);
  }

  function focusTable() {
    const api = table().api(), cell = api.getFocusedCell();
    if (cell) api.setFocusedCell(cell.rowIndex, cell.column);
    else if (api.getDisplayedRowCount()) api.setFocusedCell(0, "name");
  }

  async function remove(runs) {
    if (!(await change("delete", runs))) return;
    table().api().deselectAll();
    focusTable();
  }

  function rename() {
    const api = table().api(), node = api.getSelectedNodes()[0];
    if (!node || node.rowIndex === null) return;
    api.ensureIndexVisible(node.rowIndex);
    api.ensureColumnVisible("name");
    api.setFocusedCell(node.rowIndex, "name");
    api.startEditingCell({ rowIndex: node.rowIndex, colKey: "name" });
  }

  const ACTIONS = {
    star: () => change("star", numbers(), !selected().every(({ starred }) => starred)),
    archive: () => change("archive", numbers(), !allArchived()),
    tag: () => open("tag"),
    note: () => open("note"),
    seeds: () => open("seeds"),
    without: () => change("without", numbers()),
    rename,
    delete: () => remove(numbers()),
    save,
    cancel() {
      close();
      show();
      focusTable();
    },
    async restore() {
      await change("restore", undoable());
      focusTable();
    },
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".runs-bar button[data-what]");
    if (button) ACTIONS[button.dataset.what]();
    const star = event.target.closest(".runs-star");
    if (star) toggle(star);
  });

  function toggle(star) {
    const row = table().api().getRowNode(star.closest("[row-id]").getAttribute("row-id"));
    change("star", [row.data.id], !row.data.starred);
  }

  // Deleted runs can be brought back until they lapse, each at its own time.
  let lapse = new Map(), lapsing;
  const undoable = () => [...lapse].filter(([, at]) => at > Date.now()).map(([run]) => run);

  function deleted(left) {
    lapse = new Map(Object.entries(left).map(([run, ms]) => [Number(run), Date.now() + ms]));
    showDeleted();
  }

  function showDeleted() {
    clearTimeout(lapsing);
    const runs = undoable().sort((a, b) => a - b), bar = element("runs-deleted");
    if (!bar) return;
    const named = runs.slice(0, MOST_NAMED).map((run) => `#${run}`).join(", ");
    bar.hidden = !runs.length;
    bar.firstChild.textContent = runs.length ? `Deleted ${named}${runs.length > MOST_NAMED ? ` and ${runs.length - MOST_NAMED} more` : ""}.` : "";
    if (runs.length) lapsing = setTimeout(showDeleted, Math.min(...runs.map((run) => lapse.get(run))) - Date.now() + 50);
  }

  // Runs that are listed no more are selected no more: the key that was meant for them is not for the
  // row in which the focus is.
  let forgotten = false;
  const remember = ({ key }) => { forgotten = forgotten && key === "Delete"; };
  ["keydown", "pointerdown"].forEach((kind) => document.addEventListener(kind, remember, true));

  // Keys that the grid has not, or has for another purpose. Space selects, by the grid's own.
  document.addEventListener("keydown", (event) => {
    if (event.target.id === "runs-noted") {
      if (event.key === "Enter" && !event.isComposing) save();
      else if (event.key === "Escape") ACTIONS.cancel();
      return;
    }
    const cell = event.target.closest && event.target.closest(".runs-table .ag-cell");
    if (!cell || event.target.matches("input, textarea")) return;
    const node = table().api().getDisplayedRowAtIndex(Number(cell.closest("[row-index]").getAttribute("row-index")));
    if (!node || !node.data) return;
    if (event.key === "Delete") {
      const some = numbers();
      if (some.length) remove(some);
      else if (!forgotten) remove([node.data.id]);
    } else if (event.key === "Enter" && cell.querySelector(".runs-star")) toggle(cell.querySelector(".runs-star"));
    else if (event.key === "Enter" && cell.getAttribute("col-id") !== "name" && cell.querySelector("a")) cell.querySelector("a").click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  function follow(api) {
    api.addEventListener("selectionChanged", show);
    api.addEventListener("cellValueChanged", async ({ column, node, data, oldValue, newValue }) => {
      const what = EDITED[column.getColId()];
      if (!what || (oldValue || "") === (newValue || "")) return;
      if (!(await change(what, [data.id], newValue || ""))) node.setDataValue(column, oldValue || "");
    });
  }

  lrscope.actions = { follow, show, deleted, forget: () => (forgotten = true) };
})();
