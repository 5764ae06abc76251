// The pictures of the page, one wide and one narrow: a line at the epoch that is pointed at, and the
// LRs of a what-if in place of the recorded ones.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});
  const SVG = "http://www.w3.org/2000/svg";

  function made(name, attributes, text) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // Pixels of an axis that starts and ends at values and at pixels.
  const axis = (low, high, start, end, log) => {
    const scale = log ? Math.log10 : (value) => value;
    return (value) => start + ((scale(value) - scale(low)) / (scale(high) - scale(low))) * (end - start);
  };

  // At most five ticks of an axis: powers of ten if it is logarithmic, else round steps.
  function ticks(low, high, log) {
    const found = [];
    if (log) {
      const [a, b] = [Math.log10(low), Math.log10(high)], every = Math.max(Math.ceil((b - a) / 4), 1);
      for (let power = Math.ceil(a); power <= b; power++) if (power % every === 0) found.push(Number(`1e${power}`));
    } else {
      const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
      for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(Number((i * step).toPrecision(12)));
    }
    return found;
  }

  // The points of LRs by epoch: a horizontal line through each, joined by steps.
  function line(steps, x, y, log) {
    let d = "", last = null;
    for (const { epoch, lr, last: end } of steps) {
      if (log && (lr <= 0 || end <= 0)) {
        last = null;
        continue;
      }
      const pixels = `${x(epoch - 0.5).toFixed(1)} ${y(lr).toFixed(1)}`;
      if (last === null) d += `M${pixels}`;
      else if (last !== lr) d += `L${pixels}`;
      d += lr === end ? `H${x(epoch + 0.5).toFixed(1)}` : `L${x(epoch + 0.5).toFixed(1)} ${y(end).toFixed(1)}`;
      last = end;
    }
    return d;
  }

  const figures = (pictures) =>
    pictures.map((geometry, i) => {
      const svg = document.querySelectorAll(".figure svg")[i], [low, high, start, end] = geometry.x;
      const pointer = made("path", { class: "pointer" }), what_if = made("g", { class: "what-if" });
      svg.append(what_if, pointer);
      return { svg, geometry, pointer, what_if, x: axis(low, high, start, end), rates: svg.querySelector(".rates") };
    });

  // Draws the line at an epoch; none for null.
  function point({ pointer, geometry, x }, epoch) {
    const d = epoch === null ? "" : `M${x(epoch).toFixed(1)} ${geometry.top}V${geometry.lr[1]}`;
    pointer.setAttribute("d", d);
  }

  // The epoch under the pointer, from 1 to `most`; null beside the axis.
  function epochAt({ svg, geometry }, event, most) {
    const box = svg.getBoundingClientRect(), [low, high, start, end] = geometry.x;
    const pixel = ((event.clientX - box.left) / box.width) * geometry.width;
    const epoch = Math.round(low + ((pixel - start) / (end - start)) * (high - low));
    return pixel < start - 8 || pixel > end + 8 ? null : Math.min(Math.max(epoch, 1), most);
  }

  // Draws the recorded LRs and those of a what-if, from the first epoch that differs, with its cuts;
  // without one the recorded picture.
  function overlay({ geometry, what_if, rates, x }, recorded, steps, first) {
    what_if.replaceChildren();
    rates.classList.toggle("replaced", Boolean(steps));
    if (!steps) return;
    const lrs = [...recorded, ...steps].flatMap(({ lr, last }) => [lr, last]);
    const positive = lrs.filter((lr) => lr > 0), log = geometry.log && positive.length > 0;
    const values = log ? positive : [0, ...lrs], [top, bottom] = geometry.lr;
    let low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
    if (log) [low, high] = low === high ? [low / 3, high * 3] : [low * (low / high) ** 0.05, high * (high / low) ** 0.05];
    else high = high > 0 ? high * 1.05 : 1;
    const y = axis(low, high, bottom, top, log), [, , start, end] = geometry.x;
    what_if.append(made("path", { d: `M0 ${geometry.head}H${geometry.width}`, class: "rule" }));
    what_if.append(made("text", { x: 14, y: geometry.head + 17, class: "heading" }, "learning rate"));
    for (const value of ticks(low, high, log)) {
      const at = y(value);
      what_if.append(made("path", { d: `M${start} ${at.toFixed(1)}H${end}`, class: "grid" }));
      what_if.append(made("text", { x: start - 6, y: (at + 4).toFixed(1), class: "tick" }, lrscope.numbers.lr(value)));
    }
    what_if.append(made("path", { d: line(recorded, x, y, log), class: "recorded" }));
    const other = steps.filter(({ epoch }) => epoch >= first);
    what_if.append(made("path", { d: line(other, x, y, log), class: "would" }));
    what_if.append(made("path", { d: `M${x(first - 0.5).toFixed(1)} ${geometry.top}V${bottom}`, class: "differs" }));
    let free = -Infinity;
    for (const { epoch, cut, from, to } of steps) {
      if (!cut || to === undefined || (log && to <= 0)) continue;
      const guess = epoch >= first, left = x(epoch + 0.5), at = y(to);
      what_if.append(made("path", { d: `M${left - 5} ${at - 9}h10l-5 9z`, class: guess ? "cut guess" : "cut" }));
      const text = lrscope.numbers.ratio(from, to) + (guess ? "?" : "");
      if (left < free) continue;
      free = left + 10 + 7 * text.length;
      what_if.append(made("text", { x: left + 8, y: at - 2, class: guess ? "mark guess" : "mark" }, text));
    }
  }

  lrscope.figure = { figures, point, epochAt, overlay };
})();
