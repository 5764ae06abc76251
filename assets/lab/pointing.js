// The epoch that a person points at, in the log and in the charts alike.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  let pointed = null;

  // Point at an epoch; at the same one again, at none.
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

  // Fork begins at the epoch that is pointed at, else at the last one; its label names it.
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
