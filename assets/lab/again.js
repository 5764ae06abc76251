// The displayed run once more, or beside others: leads to the comparison.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  let others = [];
  const panel = () => lrscope.page.element("again");

  // Choices that nobody sees would cost each page a hundred elements.
  const fill = () => lrscope.page.set("again-with", { data: panel().open ? others : [] });
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

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.again = {
    go(address) {
      if (address) window.location.assign(address);
    },
    // The runs to compare with are all but the displayed one.
    offer(runs, shown) {
      others = (runs || []).filter((run) => run.value !== shown);
      fill();
    },
  };
})();
