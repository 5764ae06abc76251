// The address of a sweep: the one on show, and the settings of the next.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const PATH = "/sweep";
  let keys = null; // the setting of each row
  let written = null; // the query of the form

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.sweep = {
    // A row whose setting is another gets values to begin with.
    fill(chosen, rows, choices) {
      const before = keys;
      keys = chosen;
      if (!before) return;
      chosen.forEach((key, i) => {
        if (key === before[i]) return;
        const choice = choices[i].find(({ value }) => value === key);
        lrscope.page.set(rows[i], { value: choice ? choice.usual : "" });
      });
    },
    // The settings of the form, while no sweep is on show: one that is has its own. An address of a
    // sweep that there is not stays until something is changed: these settings are not what it names.
    keep(grid, find, mode) {
      const query = mode === "find" ? find : grid;
      if (typeof query !== "string") return;
      const isChanged = written !== null && query !== written;
      written = query;
      if (lrscope.sweep.shown() || (!isChanged && lrscope.sweep.addressed())) return;
      history.replaceState(null, "", query || PATH);
    },
    // Which form is shown: a grid's, or that of a way to find an LR.
    mode(mode, way) {
      Object.assign(document.querySelector("main.sweep").dataset, { mode, way });
    },
    // A sweep that has got more cells goes on.
    grown: () => lrscope.sweep.hurry(),
    // The sweep on show is called otherwise, or was deleted.
    title: ({ sweep, label }, choices) => choices.flatMap((each) => (each.value !== String(sweep) ? each : label ? { ...each, label } : [])),
    // To a sweep, unless it is on show.
    go(sweep) {
      if (sweep && Number(sweep) !== lrscope.sweep.shown()) window.location.assign(`${PATH}?sweep=${sweep}`);
    },
  };
})();
