// The list of events, newest first, so that the latest is visible without scrolling. A line of
// several epochs unfolds to a row for each.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const log = () => lrscope.page.element("log");

  let sentences = []; // of the run on show, oldest first
  let lines = []; // what events.js makes of them, oldest first
  let undrawn = 0; // how many of the oldest lines have no row yet
  let forked = 0; // the epoch that the run was forked from; those up to it are another run's
  let best = null; // the run's best epoch, which has a line of its own
  let eachApart = false; // whether the user wants a line for every epoch
  let selected = null; // the line or the epoch that the user has selected
  const lineOf = new WeakMap(); // by row; an unfolded line has several

  // Ten thousand rows would take seconds to draw. So many are drawn at once, older ones when the
  // user scrolls to them or selects them.
  const AT_ONCE = 500;

  function put(sentence) {
    const [epoch, kind] = sentence, isBest = epoch === best && !["hand", "threads"].includes(kind);
    const line = lrscope.events.line(sentence, sentences.length, {
      alone: eachApart || isBest,
      past: epoch <= forked,
    });
    sentences.push(sentence);
    const newest = lines[lines.length - 1];
    if (newest && lrscope.events.joins(newest, line)) {
      lrscope.events.join(newest, line);
      return newest;
    }
    lines.push(Object.assign(line, { isBest }));
    return line;
  }

  function rowFor(line) {
    const row = lrscope.event_rows.blank(line.past);
    lineOf.set(row, line);
    return row;
  }

  function rowOfLine(line) {
    line.row = rowFor(line);
    label(line);
    return line.row;
  }

  // What a line says now. A row of one epoch has its sentence; only a folded one needs a hint.
  function label(line) {
    const { row, kind, count, first, last, isBest } = line;
    lrscope.event_rows.write(row, count > 1 ? `${first}–${last}` : last, kind, last, lrscope.events.words(line));
    row.toggleAttribute("data-best", Boolean(isBest));
    if (isBest) lrscope.event_rows.note(row, "log-best", "best");
    if (count === 1) return;
    row.dataset.fold = line.open ? "open" : "closed";
    row.title = `${count} epochs: click to ${line.open ? "fold them" : "see each"}`;
    lrscope.event_rows.note(row, "unseen", line.open ? ", unfolded" : ", folded");
  }

  function showOlder() {
    const end = undrawn;
    undrawn = Math.max(0, end - AT_ONCE);
    log().append(...lines.slice(undrawn, end).reverse().map(rowOfLine));
  }

  // The rows of the sentences from index `low` up to `high`, newest first.
  function rowsOf(line, low, high) {
    return sentences.slice(low, high).reverse().map(([epoch, kind, text]) => {
      const row = rowFor(line);
      row.className = "log-one";
      lrscope.event_rows.write(row, epoch, kind, epoch, text);
      return row;
    });
  }

  function unfold(line) {
    line.open = true;
    line.low = line.high = line.from + line.count; // its sentences from `low` to `high` have rows
    line.end = document.createElement("li"); // older ones come before this
    line.end.setAttribute("role", "presentation");
    line.row.after(line.end);
    unfoldMore(line);
    label(line);
  }

  function unfoldMore(line) {
    const low = Math.max(line.from, line.low - AT_ONCE);
    line.end.before(...rowsOf(line, low, line.low));
    line.low = low;
  }

  function fold(line) {
    while (line.row.nextSibling !== line.end) line.row.nextSibling.remove();
    line.end.remove();
    line.open = false;
    label(line);
  }

  // Draws what was added to a line.
  function refresh(line) {
    if (line.row === undefined) return log().prepend(rowOfLine(line));
    if (line.open) {
      line.row.after(...rowsOf(line, line.high, line.from + line.count));
      line.high = line.from + line.count;
    }
    return label(line);
  }

  // Another epoch is the best now, so this one may share a line with its neighbours.
  function unmark(epoch) {
    const line = lineWith(epoch);
    if (!line || !line.isBest) return;
    line.isBest = false;
    line.alone = eachApart;
    if (line.row) label(line);
    let i = lines.indexOf(line);
    if (i > 0 && lrscope.events.joins(lines[i - 1], line)) merge(i--);
    while (i + 1 < lines.length && lrscope.events.joins(lines[i], lines[i + 1])) merge(i + 1);
  }

  // Makes one line of a line and the next older one.
  function merge(i) {
    const [newer] = lines.splice(i, 1), older = lines[i - 1], open = newer.open || older.open;
    for (const line of [newer, older]) if (line.open) fold(line);
    lrscope.events.join(older, newer);
    if (older.row === undefined) {
      older.row = newer.row;
      if (older.row) lineOf.set(older.row, older);
    } else {
      newer.row.remove();
    }
    if (i <= undrawn) undrawn -= 1;
    if (selected === newer) selected = older;
    if (older.row) label(older);
    if (open) unfold(older);
  }

  // The line that has an epoch's decision: the newest that begins with it or before.
  function lineWith(epoch) {
    let low = 0, high = lines.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (lines[middle].first <= epoch) low = middle + 1;
      else high = middle;
    }
    const line = lines[low - 1];
    return line && line.last >= epoch ? line : null;
  }

  // The row of an epoch. The line that hides it is unfolded.
  function rowOf(epoch) {
    const line = lineWith(epoch);
    if (!line) return null;
    while (line.row === undefined) showOlder();
    if (line.count === 1) return line.row;
    if (!line.open) unfold(line);
    while (line.low > line.from + epoch - line.first) unfoldMore(line);
    let row = line.row.nextSibling;
    while (Number(row.dataset.epoch) !== epoch) row = row.nextSibling;
    return row;
  }

  // The columns have room for the longest numbers of the run from its start.
  function makeRoomFor(epochs) {
    const digits = String(epochs).length;
    log().style.setProperty("--digits", epochs < 10 ? 3 : 2 * digits + 1);
  }

  const selectedRow = () => log().querySelector("[aria-selected=true]");

  function mark(row) {
    const before = selectedRow();
    if (before && before !== row) {
      before.removeAttribute("id");
      before.setAttribute("aria-selected", "false");
    }
    if (!row) return log().removeAttribute("aria-activedescendant");
    row.id = "log-selected";
    row.setAttribute("aria-selected", "true");
    return log().setAttribute("aria-activedescendant", row.id);
  }

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

  // Selects a line or an epoch, or nothing; returns its first and its last epoch.
  function select(what) {
    selected = what;
    const row = what === null ? null : what.row || rowOf(what);
    mark(row);
    if (row) reveal(row);
    return epochsOf(what);
  }

  function epochsOf(what) {
    if (what === null) return null;
    return what.row ? { first: what.first, last: what.last } : { first: what, last: what };
  }

  // What a row stands for: a line of several epochs, or one epoch.
  function meantBy(row) {
    const line = lineOf.get(row);
    return line.row === row && line.count > 1 ? line : Number(row.dataset.epoch);
  }

  // Keeps the selection where its line has grown, or its row has moved into another line.
  function keepSelected(touched) {
    const row = selectedRow();
    if (selected === null || (row && meantBy(row) === selected && !touched.has(selected))) return;
    mark(selected.row || rowOf(selected));
    if (touched.has(selected)) lrscope.pointing.point(epochsOf(selected));
  }

  function drawAnew() {
    const all = sentences;
    [sentences, lines] = [[], []];
    log().replaceChildren();
    all.forEach(put);
    undrawn = lines.length;
    showOlder();
  }

  document.addEventListener("scroll", ({ target }) => {
    if (target.id !== "log") return;
    const below = target.scrollTop + 3 * target.clientHeight;
    const open = [...target.querySelectorAll('[data-fold="open"]')].map((row) => lineOf.get(row));
    open.filter((line) => line.low > line.from && line.end.offsetTop < below).forEach(unfoldMore);
    if (undrawn && below > target.scrollHeight) showOlder();
  }, true);

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("#all-epochs");
    if (!button) return;
    eachApart = !eachApart;
    button.setAttribute("aria-pressed", eachApart);
    const epoch = selected && (selected.last || selected);
    drawAnew();
    lrscope.pointing.point(select(epoch));
  });

  lrscope.log = {
    // What the schedule did, by epoch.
    sentences: () => new Map(sentences.map(([epoch, , text]) => [epoch, text])),

    select,

    // All sentences of a run, oldest first; how many epochs it has, which was best, and which it
    // was forked from.
    fill(all, { epochs, best: bestEpoch, forked: forkedAfter }) {
      [sentences, best, forked] = [all, bestEpoch, forkedAfter];
      selected = null;
      mark(null);
      makeRoomFor(epochs);
      drawAnew();
    },

    prepend(added, { epochs, best: bestEpoch = best }) {
      makeRoomFor(epochs);
      const list = log(), height = list.scrollHeight, isAtTop = list.scrollTop === 0;
      const touched = new Set();
      if (bestEpoch !== best) {
        const before = best;
        best = bestEpoch;
        unmark(before);
      }
      for (const sentence of added) touched.add(put(sentence));
      touched.forEach(refresh);
      keepSelected(touched);
      // What is new comes into sight by scrolling, so that the rows do not jump in the layout.
      if (isAtTop && list.scrollHeight > height) {
        list.scrollTop = list.scrollHeight - height;
        requestAnimationFrame(() => requestAnimationFrame(() => (list.scrollTop = 0)));
      }
    },

    // The row was clicked: a line unfolds or folds. Returns the epochs that are selected now.
    choose(row) {
      const what = meantBy(row);
      if (typeof what === "number") return select(what === selected ? null : what);
      const wasOpen = what.open;
      if (wasOpen) fold(what);
      else unfold(what);
      return select(wasOpen ? null : what);
    },

    // Selects the row above or below, or the newest; returns its epochs.
    step(direction) {
      const row = selectedRow();
      if (!row) return lines.length ? select(meantBy(log().querySelector("[role=option]"))) : null;
      if (direction === "below" && undrawn && !row.nextSibling) showOlder();
      let next = row;
      do next = direction === "below" ? next.nextSibling : next.previousSibling;
      while (next && next.getAttribute("role") !== "option");
      return select(next ? meantBy(next) : selected);
    },

    // Unfolds (true) or folds (false) the line of the selected row; returns the selected epochs.
    turn(open) {
      const row = selectedRow(), line = row && lineOf.get(row);
      if (!line || line.count === 1) return select(selected);
      if (open && !line.open) unfold(line);
      if (!open && line.open) fold(line);
      return select(open ? selected : line);
    },

    // Enter or the space bar on the selected row.
    press() {
      const row = selectedRow(), line = row && lineOf.get(row);
      return line && row === line.row ? lrscope.log.turn(!line.open) : epochsOf(selected);
    },
  };
})();
