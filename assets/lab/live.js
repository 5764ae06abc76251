// The displayed run: drawn in full when it is chosen, then updated by polling the server.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  // What this page has received so far, and the epochs on the axis; null before the first drawing.
  let cursor = null;
  // The epoch that the run was forked from, 0 for none.
  let forked = 0;

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
    let news, refused;
    try {
      const answer = await fetch("/live", { method: "POST", body: JSON.stringify(asked) });
      if (answer.status === 403) refused = await answer.text(); // restarted with another token
      if (!answer.ok) throw new Error(answer.status);
      news = await answer.json();
    } catch {
      lrscope.readout.show({ notice: refused || "LRScope does not answer. Restart it, and this page will continue from here." });
      cursor = { ...cursor, token: null };
      askIn(LOST_MS);
      return;
    }
    if (asked !== cursor) return; // there has been a new drawing, which polls for itself
    if (news.runs) {
      lrscope.page.set("run", news.follow ? { data: news.runs, value: news.follow } : { data: news.runs });
      cursor = { ...cursor, begun: news.begun };
    }
    if (news.redraw) redraw();
    if (news.readout) {
      lrscope.readout.show(news.readout);
      if (!news.drawn || extend(news.drawn)) cursor = { ...cursor, token: news.token };
    }
    askIn(hurried-- > 0 ? SOON_MS : news.wait);
  }

  // Shows new rows once; returns false if the charts are not ready for them.
  function extend(drawn) {
    if (!lrscope.charts.shows(cursor.view)) return false;
    if (!lrscope.charts.hasAll(drawn.traces)) {
      redraw();
      return false;
    }
    lrscope.charts.extend(drawn, cursor);
    lrscope.log.prepend(drawn.log, drawn);
    const { epoch, epochs, last, intervention = cursor.intervention } = drawn;
    cursor = { ...cursor, epoch, epochs, last, intervention };
    lrscope.pointing.nameFork();
    lrscope.what_if.follow(epoch);
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
    lastEpoch: () => cursor.epoch || forked,
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.live = {
    // Draws a whole run: its figure, log and texts, and sets the cursor.
    draw(view, lossScale) {
      if (!view) return lrscope.page.noUpdate();
      const figure = lrscope.charts.themed("chart", view.figure, view.templates);
      const { layout } = figure, { range } = layout.xaxis;
      layout.annotations = lrscope.charts.declutter(layout.annotations, range);
      if (lossScale === "linear") {
        layout.yaxis.type = "linear";
        if (layout.yaxis.range) layout.yaxis.range = [0, 2.5];
      }
      forked = view.forked;
      cursor = { ...view.cursor, epochs: range[1] - 0.5 };
      lrscope.log.fill(view.log, { epochs: cursor.epochs, best: view.best, forked });
      lrscope.pointing.clear();
      lrscope.pointing.nameFork();
      lrscope.readout.show(view.readout);
      if (view.pace) lrscope.page.set("pace", { value: view.pace });
      lrscope.what_if.follow(cursor.epoch, true);
      askIn(SOON_MS);
      return figure;
    },

    forgetRefusal() {
      lrscope.page.set("refused", { children: "" });
    },
  };
})();
