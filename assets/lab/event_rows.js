// A row of the list of events: its epochs, and what happened in them.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  function span(className, text) {
    const element = document.createElement("span");
    element.className = className;
    element.textContent = text;
    return element;
  }

  // A text in which a line cannot end within 1e-5, but can within the long name of a schedule.
  function breakable(text) {
    const parts = text.split(/(\S*\de-\d\S*|(?<=[a-z])(?=[A-Z]))/);
    return parts.map((part, i) => {
      if (i % 2 === 0) return part;
      return part ? span("log-number", part) : document.createElement("wbr");
    });
  }

  lrscope.event_rows = {
    // An empty row; that of an epoch before a fork is `past`.
    blank(past) {
      const row = document.createElement("li");
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", "false");
      row.toggleAttribute("data-past", past);
      row.append(span("log-epoch", ""), span("log-text", ""));
      return row;
    },

    // Writes a row; `epoch` is the last of its epochs.
    write(row, epochs, kind, epoch, text) {
      row.dataset.kind = kind;
      row.dataset.epoch = epoch;
      row.firstChild.textContent = epochs;
      row.lastChild.replaceChildren(...breakable(text));
    },

    // Adds a note to what a row says.
    note: (row, className, text) => row.lastChild.append(span(className, text)),
  };
})();
