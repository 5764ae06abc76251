// The displayed run once more, or beside others: leads to the comparison.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  let runs = [], shown = null;
  const panel = () => lrscope.page.element("again");

  // What the control does not list it forgets, so it lists what is chosen, also an older run. Other
  // choices that nobody sees would cost each page a hundred elements.
  function fill(chosen = lrscope.others.chosen(), more = {}) {
    const unlisted = (run) => ({ value: run, label: `#${run}`, status: ["", ""], details: "" });
    const own = chosen.map((run) => runs.find(({ value }) => value === run) || unlisted(run));
    const others = panel().open ? runs.filter(({ value }) => value !== shown && !chosen.includes(value)) : [];
    lrscope.page.set("again-with", { data: [...own, ...others], ...more });
  }
  document.addEventListener("toggle", ({ target }) => target === panel() && fill(), true);

  // Escape, or a click elsewhere, closes the panel; Escape in an open list closes only that. The
  // listener comes before the list's own, which would have closed it.
  document.addEventListener("keydown", ({ key, target }) => {
    const open = target.closest("#again[open]");
    if (key !== "Escape" || !open || target.getAttribute("aria-expanded") === "true") return;
    open.open = false;
    open.querySelector("summary").focus();
  }, true);
  document.addEventListener("pointerdown", ({ target }) => {
    if (panel() && !panel().contains(target)) panel().open = false;
  });

  lrscope.again = { choose: (chosen) => fill(chosen, { value: chosen }) };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.again = {
    go(address) {
      if (address) window.location.assign(address);
    },
    // The runs to compare with are all but the displayed one.
    offer(listed, displayed, chosen) {
      [runs, shown] = [listed || [], displayed];
      fill(chosen || []);
    },
  };
})();
