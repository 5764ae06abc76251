// The address: the run, those behind it and the tab on show, and the settings of the form, so that it
// can be reloaded, bookmarked and shared, and Back leads to what was on show before.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  let place = null; // the run, those behind it and the tab of the address
  let wanted = null; // those that Back leads to, until the page shows them
  let follows = false; // whether the next run is shown by itself: Back does not lead from it

  function query(settings, { run, tab, others }, firstTab) {
    const parts = new URLSearchParams(settings || "");
    if (run) parts.set("run", run);
    if (others) parts.set("with", others);
    if (tab && tab !== firstTab) parts.set("tab", tab);
    return parts.size ? `?${parts.toString().replaceAll("%2C", ",")}` : "";
  }

  window.addEventListener("popstate", ({ state }) => {
    if (!state || !place) return;
    const before = place;
    place = wanted = state;
    if (state.run !== before.run) lrscope.page.set("run", { value: state.run });
    if (state.tab !== before.tab) lrscope.page.set("tab", { value: state.tab });
    if (state.others !== before.others) lrscope.again.choose(state.others.split(",").filter(Boolean));
  });

  const same = (a, b) => a.run === b.run && a.tab === b.tab && a.others === b.others;

  lrscope.address = {
    follow() {
      follows = true;
    },
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.address = {
    keep(settings, run, tab, chosen, firstTab) {
      const now = { run, tab, others: (chosen || []).join(",") };
      if (wanted && !same(wanted, now)) return;
      wanted = null;
      const asked = settings === null || settings === undefined ? settingsOf(window.location.search) : settings;
      const isNew = place !== null && !same(place, now) && place.run && !follows;
      if (!place || place.run !== run) follows = false;
      place = now;
      const url = window.location.pathname + query(asked, now, firstTab);
      const swept = new URLSearchParams(asked || "");
      swept.set("mode", "grid"); // so that also the default settings are named
      lrscope.page.element("sweep-these").href = `/sweep?${swept}`;
      history[isNew ? "pushState" : "replaceState"](now, "", url);
    },
  };

  // The settings in an address.
  function settingsOf(search) {
    const parts = new URLSearchParams(search);
    parts.delete("run");
    parts.delete("tab");
    parts.delete("with");
    return parts.toString();
  }
})();
