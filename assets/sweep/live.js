// The sweep on show, while it trains: its head, and what is asked of it.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const LOST_MS = 2000;
  const element = (id) => lrscope.page.element(id);
  const root = () => document.querySelector("main.sweep");
  const shown = () => Number(root()?.dataset.sweep) || null;
  let version = null, known = {}, timer, asks = 0; // what is on show, part by part
  let troubled = false; // by the last answer
  let titled = null; // what the one on show is called in the choice

  // A page that nobody sees asks for nothing.
  function askIn(ms) {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(ask, ms);
  }
  document.addEventListener("visibilitychange", () => shown() && askIn(0));

  const laidOut = async () => {
    while (!root()) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const addressed = () => {
    const sweep = Number(new URLSearchParams(window.location.search).get("sweep"));
    return Number.isSafeInteger(sweep) && sweep > 0 ? sweep : null;
  };

  // Asks for what is new, shows it, and asks again; at first while the page is not laid out yet.
  async function ask() {
    const own = (asks += 1);
    let news;
    const asked = { sweep: root() ? shown() : addressed(), query: window.location.search, width: lrscope.heat.width(), version };
    try {
      news = await lrscope.page.post("/sweep/live", asked);
    } catch ({ message }) {
      news = { wait: LOST_MS, sweep: asked.sweep, trouble: message, status: lrscope.page.NO_ANSWER };
    }
    await laidOut();
    if (own !== asks || !shown()) return; // an answer counts from what the page had when it asked
    if (news.gone) return leave(news.gone);
    if (news.sweep && news.sweep !== shown()) news = { wait: 0 };
    askIn(news.wait);
    if (news.trouble) complain(news);
    else if (troubled && known.head) tell(known.head);
    troubled = Boolean(news.trouble);
    if (!news.changes) return;
    version = news.version;
    const drawn = {
      head: tell,
      look: lrscope.heat.look,
      heat: lrscope.heat.draw,
      tree: lrscope.pictures.tree,
      parallel: lrscope.pictures.parallel,
      statement: lrscope.pictures.statement,
      ranked: lrscope.ranked.draw,
      found: lrscope.found.draw,
      numbers: lrscope.found.numbers,
      next: lrscope.found.next,
    };
    for (const part of take(news.changes)) drawn[part]?.(known[part], known);
  }

  // Takes over what has changed: paths, each with the value that is there now. Tells which parts did.
  function take(changes) {
    const parts = new Set();
    for (const [path, ...values] of changes) {
      if (!path.length) {
        [known] = values;
        Object.keys(known).forEach((part) => parts.add(part));
        continue;
      }
      parts.add(path[0]);
      let place = known;
      for (const key of path.slice(0, -1)) place = place[key];
      if (values.length) place[path.at(-1)] = values[0];
      else delete place[path.at(-1)];
    }
    return parts;
  }

  function tellStatus([state, word]) {
    const status = element("sweep-status");
    status.dataset.state = state;
    status.textContent = word;
  }

  // Why there is no news: nothing is asked of a server that does not answer.
  function complain({ trouble, status }) {
    element("sweep-reason").textContent = trouble;
    if (!status) return;
    tellStatus(status);
    offer([]);
  }

  function offer(controls) {
    for (const button of element("sweep-controls").children) button.hidden = !controls.includes(button.dataset.what);
  }

  // The sweep on show was deleted elsewhere: the view is as without one.
  function leave(sentence) {
    lrscope.page.set("sweep-title", { data: { sweep: shown() } });
    lrscope.page.set("sweep-choice", { value: null });
    known = {};
    version = null;
    Object.assign(root().dataset, { sweep: "", kind: "grid", over: "" });
    element("sweep-deleted").replaceChildren(sentence);
  }

  function tell(told) {
    if (told.label !== titled) lrscope.page.set("sweep-title", { data: { sweep: shown(), label: (titled = told.label) } });
    tellStatus(told.status);
    element("sweep-counts").textContent = told.counts;
    element("sweep-reason").textContent = told.reason;
    element("sweep-progress").value = told.percent;
    offer(told.controls);
    if (root().dataset.over !== String(told.over)) lrscope.page.set("sweep-over", { data: told.over });
    root().dataset.over = String(told.over);
  }

  async function change(what, value = "", sweep = shown()) {
    let refused;
    try {
      ({ refused } = await lrscope.page.post("/sweep/change", { sweep, what, value }));
    } catch ({ message }) {
      refused = message;
    }
    if (shown()) askIn(0);
    if (refused) element("sweep-reason").textContent = refused;
    return !refused;
  }

  // The name is changed in its place: Enter saves, Escape does not.
  function rename(wrapper) {
    const field = document.createElement("input");
    Object.assign(field, { className: "sweep-named", value: known.head?.named ?? "", maxLength: 80, placeholder: "name" });
    field.setAttribute("aria-label", "Name of the sweep");
    let open = true; // a field that is removed loses the focus, which ends it again
    const end = () => {
      if (!open) return;
      open = false;
      field.remove();
      delete wrapper.dataset.naming;
      wrapper.querySelector(".rename").focus();
    };
    field.addEventListener("keydown", async ({ key }) => {
      if (key === "Escape") end();
      if (key !== "Enter") return;
      if (await change("rename", field.value)) window.location.reload();
      else end();
    });
    field.addEventListener("blur", end);
    wrapper.dataset.naming = "";
    wrapper.append(field);
    field.select();
  }

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("main.sweep [data-what]");
    if (!button) return;
    const { what, sweep } = button.dataset;
    if (what === "rename") rename(button.closest(".run-name"));
    else demand(what, Number(sweep) || shown());
  });

  // What changes the list of sweeps is followed by another page.
  async function demand(what, sweep) {
    if (!(await change(what, "", sweep))) return;
    if (what === "delete") window.location.assign("/sweep");
    else if (["archive", "unarchive", "restore"].includes(what)) window.location.assign(`/sweep?sweep=${sweep}`);
  }

  // What was deleted cannot be brought back for ever.
  function lapse() {
    for (const told of document.querySelectorAll("#sweep-deleted [data-seconds]")) setTimeout(() => told.remove(), 1000 * told.dataset.seconds);
  }

  // A sweep that the address names, or the newest, is asked for at once.
  async function begin() {
    if (window.location.pathname !== "/sweep") return;
    if (window.location.search && !addressed()) await laidOut();
    if (!root() || shown()) ask();
    await laidOut();
    lapse();
  }
  begin();

  lrscope.sweep = { shown, addressed, metric: () => known.look?.chosen.metric || "val_loss", hurry: () => askIn(0) };
})();
