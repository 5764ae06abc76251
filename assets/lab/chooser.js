// The displayed run's name: another run can be searched for and chosen, and the name be changed.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const MINUTE = 60, HOUR = 3600, DAY = 86_400;
  const TYPED_MS = 200; // after which what was typed is sought
  const MOST_SHOWN = 50, MOST_TEXT = 200;
  // The controls that choose runs, and what asks for their choices.
  const ASKED = { run: "runs-asked", "again-with": "runs-asked", "compare-add": "compare-choices" };
  let runs = [], shown = null, sought = null, asked = 0, renamed = 0, typing;

  const current = () => runs.find((run) => run.value === shown);
  const field = () => lrscope.page.element("run-name");
  const wrapper = () => document.querySelector(".run-name");

  // "just now", "5 min ago", "3 h ago", a date; from seconds since 1970.
  function when(seconds) {
    const past = Date.now() / 1000 - seconds;
    if (past < MINUTE) return "just now";
    if (past < HOUR) return `${Math.floor(past / MINUTE)} min ago`;
    if (past < DAY) return `${Math.floor(past / HOUR)} h ago`;
    const date = new Date(seconds * 1000), year = date.getFullYear();
    const thisYear = year === new Date().getFullYear() ? {} : { year: "numeric" };
    return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...thisYear });
  }

  function option({ option: run }) {
    const { createElement } = window.React;
    const text = (className, ...children) => createElement("span", { className }, ...children);
    const [state, word] = run.status;
    return createElement(
      "span",
      { className: "run-option" },
      text("run-option-name", run.label),
      text("run-option-result", run.result || ""),
      text(
        "run-option-about",
        createElement("span", { className: "run-option-status", "data-state": state }, word),
        run.details && ` · ${run.details}`,
      ),
      text("run-option-when", run.when ? when(run.when) : ""),
    );
  }

  // The runs that have every word of the search; of older ones the server has said so.
  function filter({ options, search }) {
    const words = search.toLowerCase().split(/\s+/);
    const has = (run) => {
      const text = [run.label, run.details, run.status[1], run.result].join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    };
    if (!search.trim()) return options.filter((run) => !run.found);
    return options.filter((run) => run.found === search.slice(0, MOST_TEXT) || has(run)).slice(0, MOST_SHOWN);
  }

  window.dashMantineFunctions = window.dashMantineFunctions || {};
  window.dashMantineFunctions.runs = { option, filter };

  function ask(control = "run", text = "") {
    clearTimeout(typing);
    lrscope.page.set(ASKED[control], { data: { text: text.slice(0, MOST_TEXT), clicks: (asked += 1) } });
  }

  // What is typed into the control replaces the name in it; its choices are asked for again, also
  // while one types, since the older runs are not among them.
  document.addEventListener("focusin", ({ target }) => {
    if (target.id === "run") target.select();
    if (target.id === "run" || target.id === "compare-add") ask(target.id);
  });
  document.addEventListener("input", ({ target }) => {
    if (!ASKED[target.id]) return;
    clearTimeout(typing);
    typing = setTimeout(() => ask(target.id, target.value), TYPED_MS);
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (target.id === "run" && target === document.activeElement) ask();
  });

  function close() {
    if (!wrapper().hasAttribute("data-renaming")) return;
    const hadFocus = document.activeElement === field();
    wrapper().removeAttribute("data-renaming");
    if (hadFocus) lrscope.page.element("rename").focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "run-name" || event.isComposing) return;
    if (event.key === "Enter") {
      event.preventDefault(); // it would press the button that gets the focus
      lrscope.page.set("renamed", { data: { run: shown, name: event.target.value, clicks: (renamed += 1) } });
      close();
    } else if (event.key === "Escape") close();
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.chooser = {
    show(value, data) {
      if (value !== shown) close();
      [runs, shown] = [data || [], value];
      const run = current();
      if (value && !run && sought !== value) ask(); // an older run than those that are listed
      sought = run ? null : value; // once: another server may not have it
      lrscope.page.element("rename").hidden = !run || run.called === undefined;
      const details = run ? run.details : "";
      return [details, details];
    },

    rename() {
      const run = current();
      if (!run) return;
      wrapper().setAttribute("data-renaming", "");
      lrscope.page.set("run-name", { value: run.given, placeholder: run.called });
      field().maxLength = Number(field().dataset.most);
      field().focus();
      requestAnimationFrame(() => field().select());
    },
  };
})();
