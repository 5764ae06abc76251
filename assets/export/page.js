// The page: what an epoch had, the list of events, and the what-if of the chosen run.

(function () {
  const { replay, numbers, figure, events } = window.lrscope;
  const { pictures, metrics, runs } = JSON.parse(document.getElementById("data").textContent);
  const element = (id) => document.getElementById(id);
  const figures = figure.figures(pictures);
  for (const run of runs) run.values = numbers.unpacked(run.values);
  const longest = runs.reduce((most, run) => Math.max(most, run.values.length), 0);
  const MOST_CUTS = 6; // listed, before "… +12"

  function made(name, text, className) {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  }

  // What each run had in an epoch.
  function tell(epoch) {
    element("epoch-number").textContent = `epoch ${epoch}`;
    const rows = runs.filter((run) => run.values.length >= epoch).map((run) => {
      const row = made("tr"), [lr, last] = run.rates[epoch - 1];
      const name = made("th", runs.length > 1 ? `${run.id}` : "", run.colour);
      name.scope = "row";
      const texts = metrics.map((metric) => {
        if (metric === run.monitor) return numbers.significant(run.values[epoch - 1]);
        return metric in run.metrics ? run.metrics[metric][epoch - 1] : "";
      });
      const rate = lr === last ? numbers.lr(lr) : `${numbers.lr(lr)} to ${numbers.lr(last)}`;
      row.append(...(runs.length > 1 ? [name] : []), ...[rate, ...texts].map((text) => made("td", text)));
      const words = (run.told.get(epoch) || []).join(" ");
      if (runs.length > 1) row.append(made("td", words, "sentence"));
      else element("sentence").textContent = words;
      return row;
    });
    element("told").replaceChildren(...rows);
    figures.forEach((one) => figure.point(one, epoch));
    element("epoch").value = epoch;
  }

  function watch() {
    const slider = element("epoch");
    slider.addEventListener("input", () => tell(Number(slider.value)));
    for (const one of figures) {
      const point = (event) => {
        const epoch = figure.epochAt(one, event, longest);
        if (epoch !== null) tell(epoch);
      };
      one.svg.addEventListener("pointermove", point);
      one.svg.addEventListener("pointerdown", point);
    }
  }

  // The events of a run, newest first; epochs that are alike share a line, as in the Lab.
  function list(run) {
    const lines = [];
    run.events.forEach((event, i) => {
      const line = events.line(event, i, { alone: false, past: false }), last = lines.at(-1);
      if (last && events.joins(last, line)) events.join(last, line);
      else lines.push(line);
    });
    const items = lines.reverse().map((line) => {
      const item = made("li"), { first, last, kind } = line;
      item.dataset.kind = kind;
      item.append(made("span", first === last ? `${last}` : `${first}–${last}`, "epochs"), made("span", events.words(line)));
      return item;
    });
    element("events").replaceChildren(...items);
  }

  // What-if

  const inputs = () => [...document.querySelectorAll("#settings [name]")];
  const WITHIN = { ge: (v, b) => v >= b, gt: (v, b) => v > b, le: (v, b) => v <= b, lt: (v, b) => v < b };

  // The settings as they are typed; null if one of them cannot be, which is said beside it.
  function settings() {
    const found = {};
    let problem = false;
    for (const input of inputs()) {
      const { kind, bounds, permitted, label } = JSON.parse(input.dataset.field);
      const value = kind === "choice" ? input.value : Number(input.value);
      const fits =
        kind === "choice" ||
        (input.value.trim() !== "" &&
          Number.isFinite(value) &&
          (kind !== "int" || Number.isInteger(value)) &&
          Object.entries(bounds).every(([name, bound]) => WITHIN[name](value, bound)));
      const wrong = element(`${input.id}-problem`);
      wrong.textContent = fits ? "" : `${label} must be ${permitted}.`;
      input.setAttribute("aria-invalid", String(!fits));
      problem = problem || !fits;
      found[input.name] = value;
    }
    return problem ? null : found;
  }

  // A list of epochs, those that are guessed in italics.
  function listed(cell, known, guessed) {
    const all = [...known, ...guessed];
    cell.replaceChildren(...(all.length ? [] : ["none"]));
    all.slice(0, MOST_CUTS).forEach((epoch, i) => {
      const text = `${i ? ", " : ""}${epoch}`;
      cell.append(i < known.length ? text : made("em", text));
    });
    if (all.length > MOST_CUTS) cell.append(`… +${all.length - MOST_CUTS}`);
  }

  function answer(run) {
    const chosen = settings();
    if (!chosen) return;
    const steps = replay.replay(run, chosen), found = replay.difference(run, steps);
    const first = found ? found[0] : null, cuts = steps.filter(({ cut }) => cut).map(({ epoch }) => epoch);
    element("answer-cuts").textContent = `${numbers.count(cuts.length, "cut")}; the LR ends at ${numbers.lr(steps.at(-1).last)}.`;
    element("answer").textContent = replay.sentence(run, found);
    listed(element("cuts-run"), run.cuts, []);
    listed(element("cuts-what-if"), cuts.filter((e) => !first || e < first), cuts.filter((e) => first && e >= first));
    const recorded = run.rates.map(([lr, last], i) => ({ epoch: i + 1, lr, last }));
    figures.forEach((one) => figure.overlay(one, recorded, found && steps, first));
  }

  function ask(run) {
    const known = Boolean(run.what_if);
    element("what-if").toggleAttribute("data-none", !known);
    element("answer-cuts").textContent = "";
    element("answer").textContent = known ? "" : run.why;
    figures.forEach((one) => figure.overlay(one, [], null, null));
    if (!known) return;
    for (const input of inputs()) input.value = run.what_if.settings[input.name];
    answer(run);
  }

  let shown = runs[0];
  function show(run) {
    shown = run;
    list(run);
    ask(run);
  }

  for (const run of runs) {
    run.rates = replay.rates(run);
    run.told = new Map();
    for (const [epoch, , text] of run.events) run.told.set(epoch, [...(run.told.get(epoch) || []), text]);
  }
  element("settings").addEventListener("input", () => answer(shown));
  element("settings").addEventListener("submit", (event) => event.preventDefault());
  element("reset").addEventListener("click", () => ask(shown));
  const choice = element("run");
  if (choice) choice.addEventListener("change", () => show(runs[choice.selectedIndex]));
  show(shown);
  if (longest) {
    watch();
    tell(longest);
  }
})();
