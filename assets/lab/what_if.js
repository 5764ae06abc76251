// The what-if: its additions to the charts, and its cut map.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const isOpen = (tab) => tab === "what-if";

  // The answer for a long run takes seconds. So the panel asks for one at a time, and rests four
  // times as long as the last one took; an answer that does not come is given up after a while.
  const REST = 4;
  const MOST_MS = 60_000;
  let question = null, restsUntil = 0, timer = null;

  lrscope.what_if = {
    // While the panel is open its answer is updated as epochs end, and at once for another run.
    follow(epoch, atOnce = false) {
      clearTimeout(timer);
      timer = null;
      if (!isOpen(lrscope.page.element("explains").dataset.tab)) return;
      const now = performance.now();
      if (now < restsUntil && !atOnce) {
        timer = setTimeout(() => lrscope.what_if.follow(lrscope.live.epoch()), restsUntil - now);
        return;
      }
      question = { epoch, asked: now };
      restsUntil = now + MOST_MS;
      lrscope.page.set("what-if-epoch", { data: epoch });
    },
  };

  function answered(epoch) {
    if (!question || epoch < question.epoch) return;
    const now = performance.now();
    restsUntil = now + REST * (now - question.asked);
    question = null;
    if (timer !== null) lrscope.what_if.follow(lrscope.live.epoch());
  }

  // A line of the map's legend: a sign, or a colour between no cell's and the strongest.
  function key({ sign, share, text }) {
    const item = document.createElement("li"), mark = document.createElement("span");
    if (sign) {
      mark.dataset.sign = sign;
      mark.textContent = sign;
    } else {
      mark.dataset.share = share;
      mark.style.setProperty("--share", share);
    }
    item.append(mark, text);
    return item;
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.what_if = {
    // The charts show the what-if only while its tab is open.
    show(result, tab) {
      const { triggered } = window.dash_clientside.callback_context;
      // Before the first epoch has ended the answer is none, and counts as one.
      if (triggered.some(({ prop_id }) => prop_id === "what-if.data")) answered(result ? result.epoch : 0);
      lrscope.charts.overlay((isOpen(tab) && result) || {});
    },

    // Opens the chosen tab, also while an answer is awaited; and the epoch at which the panel starts.
    open(tab) {
      lrscope.page.element("explains").dataset.tab = tab;
      const epoch = lrscope.live.epoch();
      return isOpen(tab) && epoch !== null ? epoch : lrscope.page.noUpdate();
    },

    drawMap(map, measure) {
      if (!map) return lrscope.page.noUpdate();
      const { figure, templates, legend, colour } = map.maps[measure];
      const list = lrscope.page.element("map-legend");
      list.style.setProperty("--hue", `var(--${colour})`);
      list.replaceChildren(...legend.map(key));
      return lrscope.charts.themed("map", figure, templates);
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
