// What the page shows next to the charts, by place: the text of an element, or one of `places`.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  let state = { live: false, why: "" };

  function pausable(change) {
    state = { ...state, ...change };
    for (const id of ["pause", "step"]) {
      lrscope.page.set(id, { disabled: !state.live || state.why !== "" });
      lrscope.page.element(id).title = state.why;
    }
  }

  const places = {
    percent(percent) {
      lrscope.page.element("progress").value = percent;
    },
    hint(text) {
      lrscope.page.element("lr-head").title = text;
    },
    now(x) {
      lrscope.labels.now(x);
    },
    status([state, word]) {
      lrscope.page.set("status", { children: word, "data-state": state });
    },
    live(live) {
      lrscope.page.set("stop", { disabled: !live });
      pausable({ live });
    },
    unpausable(why) {
      pausable({ why });
    },
    paused(paused) {
      lrscope.page.set("pause", { children: paused ? "Continue" : "Pause", "data-paused": paused });
    },
    pace(pace) {
      lrscope.pace.follow(pace);
    },
    controls(state) {
      lrscope.page.element("lr-head").dataset.state = state;
    },
    meter([bad, patience]) {
      const { style } = lrscope.page.element("meter");
      style.setProperty("--bad", bad);
      style.setProperty("--patience", patience);
    },
  };

  // Values that have not changed are skipped: for each property set, Dash visits the whole page.
  let shown = {};

  lrscope.readout = {
    show(readout) {
      for (const [place, value] of Object.entries(readout)) {
        if (JSON.stringify(shown[place]) === JSON.stringify(value)) continue;
        if (places[place]) places[place](value);
        else lrscope.page.element(place).textContent = value;
      }
      shown = { ...shown, ...readout };
    },
  };
})();
