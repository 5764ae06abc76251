// The cell that is pointed at or chosen: its numbers, its curves, and the way to its runs.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const WIDTH = 250, HEIGHT = 96, LR = 26, GAP = 8; // pixels of the curves
  const element = (id) => lrscope.page.element(id);
  let shown = null, asked = 0;

  function make(tag, props = {}, ...children) {
    const made = document.createElement(tag);
    Object.assign(made, props);
    made.append(...children);
    return made;
  }

  function show(runs, [heading, ...told]) {
    const panel = element("sweep-cell"), before = shown;
    shown = { runs, key: [heading, ...told].join("|") };
    if (before?.key === shown.key && before.runs.join() === runs.join()) return;
    const kept = before && before.runs.join() === runs.join() ? [...panel.querySelectorAll("svg, ul")] : [];
    panel.replaceChildren(make("h2", {}, heading), make("p", {}, told.join(" · ")), ...kept);
    ask(runs);
  }

  async function ask(runs) {
    const ticket = (asked += 1);
    let answer;
    try {
      answer = await lrscope.page.post("/sweep/curves", { runs: runs.slice(0, 100), metric: lrscope.sweep.metric() });
    } catch {
      return; // what is pointed at next is asked for anew
    }
    if (ticket !== asked || !answer.curves) return;
    const panel = element("sweep-cell");
    panel.querySelectorAll("svg, ul").forEach((old) => old.remove());
    panel.append(drawing(answer.curves), list(answer.curves));
  }

  function list(curves) {
    const several = curves.length > 1;
    const items = curves.map(({ run, seed, status, epoch, epochs, best }) =>
      make("li", {}, make("a", { href: `/?run=${run}`, className: "plain-link" }, `#${run}`), ` ${several ? `seed ${seed} · ` : ""}${status[1]}, ${epoch} of ${epochs} epochs${best ? ` · ${best}` : ""}`),
    );
    const all = `/compare?runs=${curves.map(({ run }) => run).join(",")}`;
    return make("ul", {}, ...items, ...(several ? [make("li", {}, make("a", { href: all, className: "plain-link" }, "Compare them"))] : []));
  }

  // Lines of values from the first epoch to the last, by their logarithms if all are positive.
  function paths(all, top, bottom) {
    const known = all.flat().filter((value) => value !== null);
    const scale = known.length && Math.min(...known) > 0 ? Math.log : (value) => value;
    const low = Math.min(...known.map(scale)), high = Math.max(...known.map(scale));
    const y = (value) => bottom - ((scale(value) - low) / (high - low || 1)) * (bottom - top);
    return all.map((values) => {
      let pen = "M";
      return values
        .map((value, i) => {
          if (value === null) {
            pen = "M";
            return "";
          }
          const point = `${pen}${((i / Math.max(values.length - 1, 1)) * WIDTH).toFixed(1)} ${y(value).toFixed(1)}`;
          pen = "L";
          return point;
        })
        .join("");
    });
  }

  function drawing(curves) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `0 -2 ${WIDTH} ${HEIGHT + 4}`);
    svg.setAttribute("class", "sweep-curves");
    svg.setAttribute("aria-hidden", "true");
    const add = (className, shapes) =>
      shapes.forEach((d) => {
        const path = document.createElementNS(svg.namespaceURI, "path");
        path.setAttribute("class", className);
        path.setAttribute("d", d);
        svg.append(path);
      });
    add("lr", paths(curves.map(({ lr }) => lr), HEIGHT - LR, HEIGHT));
    add("metric", paths(curves.map(({ metric }) => metric), 0, HEIGHT - LR - GAP));
    return svg;
  }

  // The row of the chosen cell in the table.
  function mark(runs) {
    for (const row of document.querySelectorAll("#sweep-ranked [data-runs]")) {
      const own = row.dataset.runs.split(",").some((run) => runs.includes(Number(run)));
      row.toggleAttribute("data-chosen", own);
    }
  }

  lrscope.cell = { show, mark };
})();
