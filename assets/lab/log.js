// The decision log: a sentence for every epoch, newest first, so that the latest is visible without
// scrolling.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const log = () => lrscope.page.element("log");

  // The epoch that the run was forked from; epochs up to it belong to another run.
  let forked = 0;

  function rowFor([epoch, kind, text]) {
    const row = document.createElement("li");
    if (epoch <= forked) row.dataset.past = "";
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", "false");
    row.dataset.kind = kind;
    row.dataset.epoch = epoch;
    const number = document.createElement("span");
    number.className = "log-epoch";
    number.textContent = epoch;
    const sentence = document.createElement("span");
    sentence.textContent = text;
    row.append(number, sentence);
    return row;
  }

  // The oldest sentences of a long run, newest first. Ten thousand rows would take seconds to draw,
  // so they are added when the user scrolls to them or selects them.
  const AT_ONCE = 500;
  let older = [];
  const showOlder = () => log().append(...older.splice(0, AT_ONCE).map(rowFor));
  document.addEventListener("scroll", ({ target }) => {
    if (target.id === "log" && target.scrollTop + 3 * target.clientHeight > target.scrollHeight) showOlder();
  }, true);

  function rowOf(epoch) {
    const row = () => document.querySelector(`#log [data-epoch="${epoch}"]`);
    while (!row() && older.length) showOlder();
    return row();
  }

  // The column of the numbers is as wide as the longest.
  const makeRoomFor = (sentences) =>
    log().style.setProperty("--digits", String(sentences.length ? sentences[sentences.length - 1][0] : 0).length);

  // Scrolls to the selected row. Rows that come into sight get their true heights only then, and
  // may move it out of sight again.
  function reveal(row, again = 3) {
    const list = log();
    if (row.getAttribute("aria-selected") !== "true") return;
    if (row.offsetTop < list.scrollTop || row.offsetTop + row.offsetHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = row.offsetTop - list.clientHeight / 3;
    }
    if (again) requestAnimationFrame(() => reveal(row, again - 1));
  }

  lrscope.log = {
    rowOf,

    // All sentences of a run, oldest first.
    fill(sentences, forkedAfter) {
      forked = forkedAfter;
      log().replaceChildren();
      makeRoomFor(sentences);
      older = [...sentences].reverse();
      showOlder();
    },

    prepend(sentences) {
      makeRoomFor(sentences);
      log().prepend(...sentences.map(rowFor).reverse());
    },

    // Selects the row of an epoch, or none, and scrolls to it.
    select(epoch) {
      const list = log();
      list.querySelectorAll("[aria-selected=true]").forEach((row) => row.setAttribute("aria-selected", "false"));
      const row = epoch && rowOf(epoch);
      if (!row) return;
      row.setAttribute("aria-selected", "true");
      reveal(row);
    },
  };
})();
