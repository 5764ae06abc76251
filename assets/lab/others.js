// Other runs behind the displayed one: which are chosen, what is drawn of each, and the row that
// names them.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const LOST_MS = 5000;
  let chosen = []; // as the control and the address have them
  let shown = null; // the displayed run, which is never behind itself
  const places = new Map(); // of the colour of each run
  const found = new Map(); // what the server has said of each run
  let refused = {}, question = null, timer = null, isLate = false;

  const most = () => Number(lrscope.page.element("others").dataset.most);
  const wanted = () => chosen.filter((run) => run !== shown).slice(0, most());
  const drawn = () => wanted().filter((run) => found.has(run)).map((run) => found.get(run));

  // A run keeps its colour while others come and go.
  function place() {
    const runs = wanted(), kept = new Set(runs.length < most() ? chosen : runs);
    for (const run of places.keys()) if (!kept.has(run)) places.delete(run);
    for (const run of runs.filter((each) => !places.has(each))) {
      const taken = new Set(places.values());
      places.set(run, [...Array(most()).keys()].find((free) => !taken.has(free)));
    }
  }

  // Asks for what is new in the runs behind; again only while one of them trains.
  async function ask() {
    clearTimeout(timer);
    place();
    const runs = wanted().map((run) => ({ run, place: places.get(run), token: (found.get(run) || {}).token ?? null }));
    const asked = (question = runs);
    if (!runs.length) return;
    let news;
    try {
      const answer = await fetch("/live/others", { method: "POST", body: JSON.stringify({ runs }) });
      if (!answer.ok) throw new Error(answer.status);
      news = await answer.json();
    } catch {
      if (asked === question) askIn(LOST_MS);
      return;
    }
    if (asked !== question) return;
    news.runs.forEach((run) => found.set(run.run, run));
    Object.keys(news.refused).forEach((run) => found.delete(run));
    refused = news.refused;
    if (news.wait !== null) askIn(news.wait);
    show();
  }

  // Nobody sees a hidden page: it asks once it is visible.
  function askIn(ms) {
    clearTimeout(timer);
    timer = setTimeout(() => (document.hidden ? (isLate = true) : ask()), ms);
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !isLate) return;
    isLate = false;
    ask();
  });

  function show() {
    list();
    lrscope.charts.underlay(drawn(), signature());
  }

  const signature = () => JSON.stringify(drawn().map(({ run, token }) => [run, token]));

  // What cannot be drawn, and how many are not.
  function note() {
    const more = chosen.filter((run) => run !== shown).length - most();
    const sentences = wanted().map((run) => refused[run]).filter(Boolean);
    if (more > 0) sentences.push(`At most ${most()} runs are drawn behind this one: ${more} of those that are chosen ${more > 1 ? "are" : "is"} left out.`);
    return sentences.join(" ");
  }

  function list() {
    const runs = wanted(), items = lrscope.page.element("others-list");
    if (!items) return;
    lrscope.page.element("others").toggleAttribute("data-any", runs.length > 0);
    lrscope.page.element("others-note").textContent = note();
    const focused = document.activeElement && document.activeElement.dataset.withdraw;
    items.replaceChildren(...runs.filter((run) => !refused[run]).map(item));
    const button = focused && items.querySelector(`[data-withdraw="${focused}"]`);
    if (button) button.focus();
  }

  function item(run) {
    const { name = "", colour, status } = found.get(run) || {};
    const made = document.createElement("li"), text = document.createElement("span"), away = document.createElement("button");
    if (colour) made.style.setProperty("--mark", `var(--${colour})`);
    const number = document.createElement("strong");
    number.textContent = `#${run}`;
    text.className = "other-name";
    text.textContent = [name, status].filter(Boolean).join(" · ");
    made.title = `#${run} ${text.textContent}`;
    away.type = "button";
    away.className = "plain";
    away.dataset.withdraw = run;
    away.textContent = "\u00d7";
    away.setAttribute("aria-label", `Take run ${run} away from behind this one`);
    made.append(number, text, away);
    return made;
  }

  document.addEventListener("click", ({ target }) => {
    const { withdraw } = target.dataset;
    if (!withdraw) return;
    const buttons = [...document.querySelectorAll("[data-withdraw]")], at = buttons.indexOf(target);
    const next = buttons[at + 1] || buttons[at - 1];
    (next || lrscope.page.element("again-open")).focus();
    chosen = chosen.filter((run) => run !== withdraw); // at once: the next click may be faster than the control
    show();
    lrscope.again.choose(chosen);
  });

  lrscope.others = {
    drawn,
    signature,
    show,
    chosen: () => chosen,
    // The last epoch of all of them.
    epochs: () => Math.max(0, ...drawn().map((run) => run.epochs)),
    ends: () => Object.assign({}, ...drawn().map((run) => run.ends)),
    // Another run is displayed, or the same one is drawn again.
    display(run) {
      shown = run === null ? null : String(run);
      list();
      ask();
    },
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.others = {
    choose(runs) {
      chosen = runs || [];
      for (const run of found.keys()) if (!chosen.includes(run)) found.delete(run);
      show();
      ask();
    },
  };
})();
