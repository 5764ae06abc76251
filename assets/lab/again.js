// The displayed run once more, or beside others: leads to the comparison.

(function () {
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.again = {
    go(address) {
      if (address) window.location.assign(address);
    },
    // The runs to compare with: all but the displayed one.
    offer: (runs, shown) => (runs || []).filter((run) => run.value !== shown),
  };
})();
