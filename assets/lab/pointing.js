// The epochs that the user has selected, in the list of events and in the charts.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  let pointed = null; // their first and their last

  // Shows these epochs in the charts, or none.
  function point(epochs) {
    remember(epochs);
    lrscope.charts.point(epochs && epochs.last, epochs && epochs.first);
    nameFork();
  }

  function remember(epochs) {
    pointed = epochs;
    lrscope.page.set("pointed", { data: epochs && epochs.last });
  }

  // Selects an epoch; selecting it again deselects it.
  function pointAt(epoch) {
    const again = pointed && pointed.first === epoch && pointed.last === epoch;
    point(lrscope.log.select(again ? null : epoch));
  }

  // Fork starts from the selected epoch, else from the last one; its label names the epoch.
  let name = null;
  function nameFork() {
    const now = `Fork after ${pointed ? pointed.last : lrscope.live.lastEpoch()}`;
    if (now !== name) lrscope.page.set("fork", { children: now });
    name = now;
  }

  document.addEventListener("click", (event) => {
    const row = event.target.closest("#log [role=option]");
    if (row) point(lrscope.log.choose(row));
  });

  const KEYS = {
    ArrowUp: () => lrscope.log.step("above"),
    ArrowDown: () => lrscope.log.step("below"),
    ArrowRight: () => lrscope.log.turn(true),
    ArrowLeft: () => lrscope.log.turn(false),
    Enter: () => lrscope.log.press(),
    " ": () => lrscope.log.press(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "log" || !KEYS[event.key]) return;
    event.preventDefault();
    point(KEYS[event.key]());
  });

  lrscope.pointing = { point, pointAt, nameFork, clear: () => remember(null) };
})();
