// The displayed run once more, or beside others: leads to the comparison.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  // Escape, or a click elsewhere, closes the panel.
  document.addEventListener("keydown", ({ key, target }) => {
    const panel = target.closest("#again[open]");
    if (key !== "Escape" || !panel) return;
    panel.open = false;
    panel.querySelector("summary").focus();
  });
  document.addEventListener("pointerdown", ({ target }) => {
    const panel = lrscope.page.element("again");
    if (panel && !panel.contains(target)) panel.open = false;
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.again = {
    go(address) {
      if (address) window.location.assign(address);
    },
    // The runs to compare with: all but the displayed one.
    offer: (runs, shown) => (runs || []).filter((run) => run.value !== shown),
  };
})();
