// The table of runs: its rows come in blocks from the server, and those on show are kept fresh.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const TABLE = "runs-table";
  const LOST_MS = 2000, HIDDEN_MS = 10_000;
  const MOST_TEXT = 200;
  const LOST = "LRScope does not answer. Restart it, and this page will continue from here.";
  const OPERATORS = { contains: "contains", notContains: "lacks", lessThan: "less", greaterThan: "greater", inRange: "between", blank: "blank", notBlank: "given" };

  let api = null;
  let chosen = { text: "", states: [], archived: false }; // by the controls above the table
  let version = null, order = null, count = null, timer;

  async function post(path, body) {
    const answer = await fetch(path, { method: "POST", body: JSON.stringify(body) });
    if (answer.status === 403) throw new Error(await answer.text()); // restarted with another token
    if (!answer.ok) throw new Error(LOST);
    const told = await answer.json();
    if (told.trouble) throw new Error(told.trouble);
    return told;
  }

  const fault = (error) => (error instanceof TypeError ? LOST : error.message); // what fetch throws
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

  function extent(told) {
    [order, count] = [told.order, told.count];
    lrscope.actions.show();
  }

  const source = {
    async getRows({ startRow, successCallback, failCallback }) {
      try {
        const block = await post("/runs/rows", { query: query(), start: startRow });
        extent(block);
        successCallback(block.rows, block.count);
        block.count ? api.hideOverlay() : api.showNoRowsOverlay();
        trouble("");
      } catch (error) {
        trouble(fault(error));
        failCallback();
      }
    },
  };

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
    try {
      // Rows that were just scrolled to have the version in which they were read, or an older one.
      const told = await post("/runs/news", { query: query(), version: lost ? null : version, rows: shown() });
      if (api.isDestroyed()) return;
      for (const row of told.rows || []) {
        const node = api.getRowNode(String(row.id));
        if (node && !(api.getEditingCells().some(({ rowIndex }) => rowIndex === node.rowIndex))) node.setData(row);
      }
      if (told.deleted) lrscope.actions.deleted(told.deleted);
      if (lost) api.purgeInfiniteCache(); // a block that failed is not asked for again by itself
      else if (order !== null && told.order !== order) api.refreshInfiniteCache();
      if (told.count !== count || told.order !== order) extent(told);
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
      api.addEventListener("bodyScrollEnd", () => lrscope.table_of_runs.hurry());
      askIn(1000);
    },
  };
})();
