// The events of a run: which sentences of its log share a line, and what that line says. Pure.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  // Under the plateau rule each of these is a bad epoch.
  const BAD = ["no effect", "waiting", "cooldown"];

  lrscope.events = {
    // A line with one sentence, [epoch, kind, text, ending]; `index` is its place in the log. It
    // stands `alone` where it is told to. Those that are `past` are of the run that was forked.
    line([epoch, kind, text, ending], index, { alone, past }) {
      return {
        from: index, count: 1, first: epoch, last: epoch,
        kind, text, ending, began: ending, tries: 1, alone, past,
      };
    },

    // Whether a line can take in the next newer one. Cuts attempted in vain take in the bad epochs
    // between them: where the LR is at its floor, they alternate to the end of the run.
    joins(older, newer) {
      if (older.alone || newer.alone || !older.ending || older.past !== newer.past) return false;
      if (older.kind === "no effect") return BAD.includes(newer.kind);
      return older.kind === newer.kind && (older.kind !== "kept" || older.ending === newer.ending);
    },

    // Takes the next newer line into a line that it joins.
    join(older, newer) {
      older.count += newer.count;
      older.last = newer.last;
      if (older.kind !== newer.kind) return;
      older.ending = newer.ending;
      older.tries += newer.tries;
    },

    // What a line says: one epoch its sentence, several what they have in common.
    words({ kind, count, text, began, ending, tries }) {
      if (count === 1) return text;
      switch (kind) {
        case "improved": return `New best each epoch, ${ending}`;
        case "waiting": return `${count} bad epochs; ${ending}`;
        case "cooldown": return `Cooldown: ${count} bad epochs not counted`;
        case "no effect":
          return `Cut attempted ${tries === 1 ? "once" : `${tries} times`}, no effect; LR stays at ${ending}`;
        default: // the LR moved or was kept: the first sentence, up to the last one's LR
          return text.slice(0, -`${began}.`.length) + ending;
      }
    },
  };
})();
