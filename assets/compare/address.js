// The address of a comparison: every control changes a part of it, and the picture follows it, so
// that reload and Back bring back exactly what was on show.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const PATH = "/compare";
  const DEFAULTS = { runs: "", off: "", metric: "", x: "epochs", scale: "log", smooth: "0", colour: "setting", group: "on" };
  const here = () => window.location.pathname === PATH;
  const params = () => new URLSearchParams(window.location.search);
  const get = (key) => params().get(key) ?? DEFAULTS[key];
  const numbers = (key) => get(key).split(",").filter(Boolean);
  let drawnMetric = null; // the metric that is drawn where the address names none
  let named = null; // the one that the control of all metrics shows

  // Changes parts of the address; a part at its default is left out.
  function go(changes) {
    const next = params();
    for (const [key, value] of Object.entries(changes)) {
      if (String(value) === DEFAULTS[key]) next.delete(key);
      else next.set(key, value);
    }
    const query = next.toString().replaceAll("%2C", ",");
    if (query === params().toString().replaceAll("%2C", ",")) return;
    history.pushState(null, "", query ? `?${query}` : PATH);
    press();
    if ("runs" in changes) offer();
    // After what the click itself has changed is on the screen.
    requestAnimationFrame(() => setTimeout(send));
  }

  const send = () => lrscope.page.set("compare-query", { data: window.location.search });

  // The runs of the address, in the control that adds some and in the menu of downloads.
  function offer() {
    lrscope.page.set("compare-add", { value: numbers("runs") });
    lrscope.exporting.choose("compare-export", numbers("runs"));
  }

  // Shows what the address says.
  function follow() {
    press();
    offer();
    lrscope.page.set("compare-colour", { value: get("colour") });
    lrscope.page.set("compare-smooth", { value: Number(get("smooth")) || 0 });
    send();
  }

  // The pressed buttons, and the metric by name.
  function press() {
    for (const button of document.querySelectorAll(".compare [data-key]")) {
      const { key, value } = button.dataset;
      const chosen = key === "metric" ? get("metric") || drawnMetric : get(key);
      button.setAttribute("aria-pressed", String(value === chosen));
    }
    const metric = get("metric") || drawnMetric;
    if (metric && metric !== named) lrscope.page.set("compare-metric", { value: (named = metric) });
  }

  // Hides a run or draws it again, at once; the bands follow with the server's answer.
  function toggle(button) {
    const run = button.dataset.hide, off = new Set(numbers("off"));
    if (!off.delete(run)) off.add(run);
    button.setAttribute("aria-pressed", String(!off.has(run)));
    lrscope.comparison.hide(run, off.has(run));
    go({ off: [...off].join(",") });
  }

  document.addEventListener("click", ({ target }) => {
    if (!here()) return;
    const button = target.closest("[data-key], [data-hide], [data-leave]");
    if (!button) return;
    const { key, value, hide, leave } = button.dataset;
    if (key) go({ [key]: value });
    else if (hide) toggle(button);
    else {
      const without = (key) => numbers(key).filter((run) => run !== leave).join(",");
      go({ runs: without("runs"), off: without("off") });
    }
  });

  window.addEventListener("popstate", () => {
    if (here()) follow();
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.compare = {
    ...window.dash_clientside.compare,
    draw(view) {
      if (!view) return;
      drawnMetric = view.metric;
      press();
      lrscope.comparison.draw(view);
    },
    add(runs) {
      const kept = (runs || []).join(","), off = numbers("off").filter((run) => runs.includes(run));
      go({ runs: kept, off: off.join(",") });
    },
    join(runs) {
      if (runs) go({ runs: [...new Set([...numbers("runs"), ...runs.map(String)])].join(",") });
    },
    colour: (value) => value && go({ colour: value }),
    metric(value) {
      if (!value || value === (get("metric") || drawnMetric)) return;
      named = value;
      go({ metric: value });
    },
    smooth: (value) => value !== null && value !== undefined && go({ smooth: value }),
  };
})();
