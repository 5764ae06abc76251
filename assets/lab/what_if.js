// The what-if: its additions to the charts, and its cut map.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const isOpen = (tab) => tab === "what-if";

  lrscope.what_if = {
    // While the panel is open its answer is updated after each epoch.
    follow(epoch) {
      if (isOpen(lrscope.page.element("explains").dataset.tab)) lrscope.page.set("what-if-epoch", { data: epoch });
    },
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.what_if = {
    // Opens the chosen tab; the charts show the what-if only while its tab is open.
    show(result, tab) {
      lrscope.page.element("explains").dataset.tab = tab;
      lrscope.charts.overlay((isOpen(tab) && result) || {});
    },

    // The epoch at which the panel starts when it is opened.
    epoch(tab) {
      const epoch = lrscope.live.epoch();
      return isOpen(tab) && epoch !== null ? epoch : lrscope.page.noUpdate();
    },

    drawMap(map, measure) {
      if (!map) return lrscope.page.noUpdate();
      return lrscope.charts.themed("map", map.figures[measure], map.templates);
    },

    // A click on a cell of the map sets its two settings.
    choose(clicked, map, fields) {
      if (!clicked || !map) return;
      const { keys, owners } = map.cells;
      [clicked.points[0].x, clicked.points[0].y].forEach((value, i) => {
        const id = fields.find((field) => field.key === keys[i] && field.owner === owners[i]);
        if (id) lrscope.page.set(id, { value: String(value) });
      });
    },
  };
})();
