// What the page shows next to the charts, by place: the text of an element, or one of `places`.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  // Whether the run trains; the commands that it does not obey, each with the reason; and what others
  // do to it.
  let isLive = false, denied = {}, effects = {};

  // Enables what the run obeys. Each control stands in an element that says on hover what it does, or
  // why the run does not obey it: a button that is disabled says nothing. The pace is the next run's,
  // too, where none trains.
  function allow() {
    for (const place of document.querySelectorAll("[data-command]")) {
      const { command, help } = place.dataset;
      const { id } = place.querySelector("[id]"), isForNext = command === "pace" && !isLive;
      const disabled = !isForNext && (!isLive || command in denied);
      lrscope.page.set(id.startsWith("{") ? JSON.parse(id) : id, { disabled });
      place.title = (isLive && (denied[command] || effects[command])) || help;
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
      isLive = live;
      allow();
    },
    denied(sentences) {
      denied = sentences;
      allow();
    },
    effects(sentences) {
      effects = sentences;
      allow();
    },
    // A cell leads to its sweep.
    cell([sweep, told]) {
      const link = document.createElement("a");
      Object.assign(link, { href: `/sweep?sweep=${sweep}`, className: "plain-link", textContent: `Cell of sweep #${sweep}` });
      lrscope.page.element("cell-of").replaceChildren(...(sweep ? [link, `. ${told}`] : []));
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

  // What may be cut has the whole as its title.
  function showText(element, text) {
    element.textContent = text;
    if (element.hasAttribute("title")) element.title = text;
  }

  // Values that have not changed are skipped: for each property set, Dash visits the whole page.
  let shown = {};

  lrscope.readout = {
    show(readout) {
      for (const [place, value] of Object.entries(readout)) {
        if (JSON.stringify(shown[place]) === JSON.stringify(value)) continue;
        if (places[place]) places[place](value);
        else showText(lrscope.page.element(place), value);
      }
      shown = { ...shown, ...readout };
    },
  };
})();
