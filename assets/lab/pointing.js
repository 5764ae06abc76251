// The epoch that the user has selected, in the log and in the charts.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  let pointed = null;

  // Selects an epoch; selecting it again deselects it.
  function pointAt(epoch) {
    move(epoch === pointed ? null : epoch);
    lrscope.charts.point(pointed);
    nameFork();
  }

  function move(epoch) {
    pointed = epoch;
    lrscope.log.select(pointed);
    lrscope.page.set("pointed", { data: pointed });
  }

  // Fork starts from the selected epoch, else from the last one; its label names the epoch.
  let name = null;
  function nameFork() {
    const now = `Fork after epoch ${pointed || lrscope.live.lastEpoch()}`;
    if (now !== name) lrscope.page.set("fork", { children: now });
    name = now;
  }

  document.addEventListener("click", (event) => {
    const row = event.target.closest("#log [data-epoch]");
    if (row) pointAt(Number(row.dataset.epoch));
  });
  document.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.target.id !== "log" || !step) return;
    const newest = document.querySelector("#log [data-epoch]");
    const next = pointed === null ? Number(newest && newest.dataset.epoch) : pointed + step;
    if (lrscope.log.rowOf(next)) pointAt(next);
    event.preventDefault();
  });

  lrscope.pointing = { pointAt, nameFork, clear: () => move(null) };
})();
