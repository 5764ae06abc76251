// The displayed run: drawn in full when it is chosen, then updated by polling the server.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  // What this page has received so far, and the epochs on the axis; null before the first drawing.
  let cursor = null;
  // The epoch that the run was forked from, 0 for none.
  let forked = 0;
  let first = true; // whether nothing has been drawn yet

  const SOON_MS = 100;
  const LOST_MS = 2000;
  const HIDDEN_MS = 10_000;
  let timer, hurried = 0; // how many more polls to make quickly, after a click
  function askIn(ms) {
    clearTimeout(timer);
    timer = setTimeout(ask, document.hidden ? Math.max(ms, HIDDEN_MS) : ms);
  }

  // Nobody sees a hidden page, so it asks rarely; once visible, it catches up.
  document.addEventListener("visibilitychange", () => {
    if (cursor && !document.hidden) askIn(0);
  });

  // Asks for what is new since the cursor, shows it, and asks again after the server's wait time.
  async function ask() {
    const asked = cursor;
    let news;
    try {
      news = await lrscope.page.post("/live", asked);
    } catch ({ message }) {
      lrscope.readout.show({ status: lrscope.page.NO_ANSWER, live: false, controls: "none", notice: message });
      cursor = { ...cursor, token: null };
      askIn(LOST_MS);
      return;
    }
    if (asked !== cursor) return; // there has been a new drawing, which polls for itself
    try {
      show(news);
    } finally { // an error in drawing one answer must not be the end of all
      askIn(hurried-- > 0 ? SOON_MS : news.wait);
    }
  }

  function show(news) {
    if (news.runs) {
      const follow = !lrscope.page.element("again").open && news.follow; // its choices are for the run on show
      if (follow) lrscope.address.follow();
      lrscope.page.set("run", follow ? { data: news.runs, value: follow } : { data: news.runs });
      cursor = { ...cursor, begun: news.begun };
    }
    if (news.redraw) redraw();
    if (news.ahead && lrscope.charts.shows(cursor.view)) {
      cursor = { ...cursor, ahead: news.ahead.token };
      lrscope.ahead.set(news.ahead);
    }
    if (news.verdict) {
      cursor = { ...cursor, verdict: news.verdict.token };
      lrscope.verdict.show(news.verdict);
    }
    if (news.readout) {
      lrscope.readout.show(news.readout);
      if (!news.drawn || extend(news.drawn)) cursor = { ...cursor, token: news.token };
    }
  }

  // Shows new rows once; returns false if the charts are not ready for them.
  function extend(drawn) {
    if (!lrscope.charts.shows(cursor.view)) return false;
    if (!lrscope.charts.hasAll(drawn.traces)) {
      redraw();
      return false;
    }
    const { log, marks, best, traces, ...reached } = drawn;
    if (marks) lrscope.labels.add(marks);
    lrscope.labels.best(best);
    lrscope.charts.extend(drawn, cursor);
    cursor = { ...cursor, ...reached };
    if (!log) return true;
    lrscope.ahead.draw();
    lrscope.log.prepend(log, { epochs: reached.epochs, best: best ? best[0] : undefined });
    lrscope.legend.show(traces);
    lrscope.pointing.nameFork();
    lrscope.what_if.follow(cursor.epoch);
    return true;
  }

  // There is a metric without a curve in the figure, or what is drawn was trained again with other
  // numbers: request a new figure once.
  let redrawn = null;
  function redraw() {
    if (redrawn === cursor.view) return;
    redrawn = cursor.view;
    lrscope.page.set("redraw", { data: redrawn });
  }

  // Poll soon after a click, so that the effect of a command is visible quickly.
  document.addEventListener("click", ({ target }) => {
    if (!cursor || !target.closest("#run-panel button")) return;
    hurried = 10;
    askIn(SOON_MS);
  });

  // Space pauses and continues, unless the focused element needs it.
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || event.target.closest("input, textarea, button, [role=slider], [role=dialog], summary, #log")) return;
    const pause = lrscope.page.element("pause");
    if (pause && !pause.disabled) {
      event.preventDefault();
      pause.click();
    }
  });

  lrscope.live = {
    // The last epoch displayed; null before the first drawing.
    epoch: () => cursor && cursor.epoch,
    // Whether there is no run on show.
    isEmpty: () => !cursor || cursor.run === null,
    lastEpoch: () => (cursor && cursor.epoch) || forked,
    // The labels follow the chart from its first drawing on.
    watch(view) {
      const gd = lrscope.charts.gd();
      if (gd && gd.on && lrscope.charts.shows(view)) {
        lrscope.labels.watch(gd);
        lrscope.others.show();
        lrscope.ahead.draw();
      } else if (cursor && cursor.view === view) requestAnimationFrame(() => lrscope.live.watch(view));
    },
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.live = {
    // Draws a whole run: its figure, log and texts, and sets the cursor.
    draw(view) {
      if (!view) return lrscope.page.noUpdate();
      const epochs = view.figure.layout.xaxis.range[1] - 0.5;
      lrscope.others.display(view.cursor.run);
      const figure = lrscope.charts.ofRun(view), { layout } = figure;
      lrscope.charts.tell(figure, view.log);
      lrscope.panes.fit(layout);
      lrscope.panes.watch();
      lrscope.labels.reset(view);
      lrscope.ahead.reset();
      lrscope.verdict.reset();
      lrscope.table.close();
      lrscope.legend.reset(view.kinds);
      lrscope.charts.scale(layout);
      forked = view.forked;
      cursor = { ...view.cursor, epochs };
      lrscope.log.fill(view.log, { epochs: cursor.epochs, best: view.best && view.best[0], forked });
      lrscope.pointing.clear();
      lrscope.pointing.nameFork();
      lrscope.readout.show(view.readout);
      lrscope.live.watch(view.cursor.view);
      if (cursor.run !== null && first) lrscope.form.fold(true);
      first = false;
      lrscope.what_if.follow(cursor.epoch, true);
      askIn(SOON_MS);
      return figure;
    },

    forgetRefusal() {
      lrscope.page.set("refused", { children: "" });
    },
  };
})();
