// The table of runs: its rows come in blocks from the server, and those on show are kept fresh.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const TABLE = "runs-table";
  const LOST_MS = 2000, HIDDEN_MS = 10_000;
  const MOST_TEXT = 200;
  const NONE = "No run yet. Start one in the Lab.", NO_MATCH = "No run matches.";
  const OPERATORS = { contains: "contains", notContains: "lacks", lessThan: "less", greaterThan: "greater", inRange: "between", blank: "blank", notBlank: "given" };

  let api = null;
  let chosen = { text: "", states: [], archived: false }; // by the controls above the table
  let version = null, order = null, count = null, timer;

  async function post(path, body) {
    const told = await lrscope.page.post(path, body);
    if (told.trouble) throw new Error(told.trouble);
    return told;
  }

  // The first rows are asked for while the grid still loads; a fault is met when they are needed.
  const FIRST = { query: { ...chosen, filters: [], sort: [] }, start: 0, selected: [] };
  let first = location.pathname === "/runs" ? post("/runs/rows", FIRST) : null;
  if (first) first.catch(() => {});

  function rows(asked) {
    const known = JSON.stringify(asked) === JSON.stringify(FIRST) && first;
    first = null;
    return known || post("/runs/rows", asked);
  }

  const fault = (error) => (error instanceof TypeError ? lrscope.page.LOST : error.message); // of an answer of another LRScope
  const trouble = (text) => { lrscope.page.element("runs-trouble").textContent = text; };

  // What the grid's filters and sorts mean to the server. A date is one of this browser's zone.
  function query() {
    const number = (value, date) => (date ? new Date(date).getTime() / 1000 : value);
    const filters = Object.entries(api.getFilterModel()).map(([column, { type, filter, filterTo, dateFrom, dateTo }]) => ({
      column,
      operator: OPERATORS[type],
      value: number(filter, dateFrom) ?? null,
      to: number(filterTo, dateTo) ?? null,
    }));
    const sorted = api.getColumnState().filter(({ sort }) => sort).sort((a, b) => a.sortIndex - b.sortIndex);
    return { ...chosen, filters, sort: sorted.map(({ colId, sort }) => [colId, sort === "desc"]) };
  }

  const isCurrent = (asked) => JSON.stringify(asked) === JSON.stringify(query());
  const selected = () => api.getSelectedNodes().map(({ id }) => Number(id));

  // A run that is not listed is not selected: nothing is done with what nobody sees.
  function extent(told) {
    const nodes = api.getSelectedNodes().filter(({ id }) => told.unlisted.includes(Number(id)));
    if (nodes.length) {
      api.setNodesSelected({ nodes, newValue: false });
      lrscope.actions.forget();
    }
    [order, count] = [told.order, told.count];
    lrscope.actions.show();
  }

  const source = {
    async getRows({ startRow, successCallback, failCallback }) {
      let asked, block;
      try {
        do { // the grid does not ask again while it awaits an answer
          asked = query();
          block = await rows({ query: asked, start: startRow, selected: selected() });
        } while (!isCurrent(asked));
        extent(block);
        successCallback(block.rows, block.count);
        settle();
        api.hideOverlay();
        if (!block.count) {
          api.setGridOption("overlayNoRowsTemplate", `<span>${block.none ? NONE : NO_MATCH}</span>`);
          api.showNoRowsOverlay();
        }
        trouble("");
      } catch (error) {
        trouble(fault(error));
        failCallback();
      }
    },
  };

  // The grid keeps the place of focus and scroll; a person looks at runs. Where these move, so do
  // both.
  let kept = null;
  function reorder() {
    const cell = api.getFocusedCell(), top = api.getVerticalPixelRange().top;
    const at = (index) => api.getDisplayedRowAtIndex(index);
    const first = top > 0 && api.getRenderedNodes().filter(({ data, rowTop }) => data && rowTop >= top).sort((a, b) => a.rowTop - b.rowTop)[0];
    kept = {
      focus: cell && at(cell.rowIndex) && { run: at(cell.rowIndex).id, index: cell.rowIndex, column: cell.column },
      first: first && { run: first.id, index: first.rowIndex },
    };
    api.refreshInfiniteCache();
  }

  function settle() {
    const { focus, first } = kept || {};
    const to = (known) => known && api.getRowNode(known.run) && api.getRowNode(known.run).rowIndex;
    if (focus && to(focus) !== focus.index && Number.isInteger(to(focus))) {
      const table = document.querySelector(".runs-table");
      if (table.contains(document.activeElement)) api.setFocusedCell(to(focus), focus.column);
      focus.index = to(focus);
    }
    if (first && to(first) !== first.index && Number.isInteger(to(first))) {
      document.querySelector(".runs-table .ag-body-viewport").scrollTop += (to(first) - first.index) * api.getRowNode(first.run).rowHeight;
      first.index = to(first);
    }
  }

  // The rows on show, a few more above and below.
  function shown() {
    const { top, bottom } = api.getVerticalPixelRange();
    const nodes = api.getRenderedNodes().filter(({ data, rowTop, rowHeight }) => data && rowTop + rowHeight >= top && rowTop <= bottom);
    return Object.fromEntries(nodes.map(({ data }) => [data.id, data.version]));
  }

  function askIn(ms) {
    clearTimeout(timer);
    timer = setTimeout(ask, document.hidden ? Math.max(ms, HIDDEN_MS) : ms);
  }

  let lost = false;
  async function ask() {
    if (!api || api.isDestroyed()) return;
    const asked = query();
    try {
      // Rows that were just scrolled to have the version in which they were read, or an older one.
      const told = await post("/runs/news", { query: asked, version: lost ? null : version, rows: shown(), selected: selected() });
      if (api.isDestroyed()) return;
      if (!isCurrent(asked)) return askIn(told.wait);
      for (const row of told.rows || []) {
        const node = api.getRowNode(String(row.id));
        if (node && !(api.getEditingCells().some(({ rowIndex }) => rowIndex === node.rowIndex))) node.setData(row);
      }
      if (told.rows && told.rows.length) lrscope.actions.show(); // what can be done with them may differ
      if (told.deleted) lrscope.actions.deleted(told.deleted);
      if (lost) api.purgeInfiniteCache(); // a block that failed is not asked for again by itself
      else if (order !== null && told.order !== order) {
        if (api.getEditingCells().length) return askIn(told.wait); // what is typed belongs to its row
        reorder();
      }
      if (told.unlisted.length || told.count !== count || told.order !== order) extent(told);
      version = told.version;
      lost = false;
      trouble("");
      askIn(told.wait);
    } catch (error) {
      trouble(fault(error));
      lost = true;
      askIn(LOST_MS);
    }
  }

  // Nobody sees a hidden page, so it asks rarely; once visible, it catches up.
  document.addEventListener("visibilitychange", () => {
    if (api && !document.hidden) askIn(0);
  });

  lrscope.table_of_runs = {
    post,
    fault,
    trouble,
    api: () => api,
    count: () => count,
    // Shows at once what a person has changed.
    hurry() {
      version = null;
      askIn(0);
    },
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.runs = {
    // Lists the runs that the controls above the table choose.
    ask(text, states, archived) {
      const before = JSON.stringify(chosen);
      chosen = { text: (text || "").slice(0, MOST_TEXT), states: states || [], archived: Boolean(archived) };
      if (api && JSON.stringify(chosen) !== before) {
        api.purgeInfiniteCache();
        api.ensureIndexVisible(0);
      }
    },

    // The grid is ready: from here on its rows come from `source`, and not through Dash.
    async open() {
      const ready = await window.dash_ag_grid.getApiAsync(TABLE);
      if (ready === api) return;
      api = ready;
      lrscope.columns_of_runs.restore(api);
      lrscope.actions.follow(api);
      api.setGridOption("datasource", source);
      const sweep = Number(new URLSearchParams(location.search).get("sweep"));
      if (sweep) {
        api.moveColumns(["sweep"], 3); // where it is seen
        api.setFilterModel({ sweep: { filterType: "number", type: "inRange", filter: sweep, filterTo: sweep } });
      }
      api.addEventListener("bodyScrollEnd", () => lrscope.table_of_runs.hurry());
      askIn(1000);
    },
  };
})();
