// The LR that is still to come: of the run on show, and of the next run as the form describes it.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const NONE = [[], []];
  let ahead = null; // of the run: { low, high, cut }
  let plan = null, edited = false; // of the next run, and whether the form was changed since Start
  const isInForm = (element) => Boolean(element.closest(".controls .form"));
  const edit = ({ target }) => { // the choices of a box are elsewhere in the page, the focus stays in it
    edited = edited || isInForm(target.closest(".mantine-Combobox-dropdown") ? document.activeElement : target);
  };
  ["input", "pointerdown", "keydown"].forEach((kind) => document.addEventListener(kind, edit, true));

  // Beside a future of the run's own the next run is drawn only while someone is at the form.
  const isAtForm = () => isInForm(document.activeElement) || !lrscope.page.element("fork-banner").hidden;
  const isPlanShown = () => plan && (lrscope.live.isEmpty() || (edited && (!ahead || !ahead.low[0].length || isAtForm())));
  let wasShown = false;
  const move = () => requestAnimationFrame(() => Boolean(isPlanShown()) !== wasShown && draw());
  ["focusin", "focusout"].forEach((kind) => document.addEventListener(kind, () => plan && move()));

  // The part of a curve that starts at x.
  function from(x, [xs, ys]) {
    const at = xs.findIndex((each) => each > x);
    if (at < 0) return NONE;
    if (at === 0) return [xs, ys];
    const share = (x - xs[at - 1]) / (xs[at] - xs[at - 1]);
    const y = ys[at - 1] + (ys[at] - ys[at - 1]) * share;
    return [[x, ...xs.slice(at)], [y, ...ys.slice(at)]];
  }

  // The traces of one of the two: a band where there is a highest and a lowest LR, else a line.
  function traces(name, coming, x) {
    const line = coming ? from(x, coming.low) : NONE, isBand = coming && coming.high[0].length;
    return {
      [`${name}:high`]: isBand ? from(x, coming.high) : NONE,
      [`${name}:low`]: isBand ? line : NONE,
      [`${name}:lr`]: isBand ? NONE : line,
    };
  }

  function draw() {
    const isShown = isPlanShown();
    wasShown = Boolean(isShown);
    lrscope.charts.fill({
      ...traces("ahead", ahead, (lrscope.live.lastEpoch() || 0) + 0.5),
      ...traces("plan", isShown ? plan : null, 0.5),
      "ahead:cut": ahead && ahead.cut ? [[ahead.cut + 0.5, ahead.cut + 0.5], [0, 1]] : NONE,
    });
    if (isShown) lrscope.charts.showUpTo(plan.epochs, plan.scale);
    lrscope.labels.place();
  }

  // What was asked for in a pause, beside the buttons and on the card of the LR. What the schedule
  // says of the LR does not know of it.
  function showPending(sentence, next) {
    lrscope.page.element("pending").textContent = sentence;
    lrscope.page.element("lr-head").toggleAttribute("data-pending", Boolean(sentence));
    lrscope.page.element("schedule-panel").toggleAttribute("data-pending", Boolean(sentence));
    const { dataset } = lrscope.page.element("card-lr-value");
    if (next) dataset.pending = next;
    else delete dataset.pending;
  }

  lrscope.ahead = {
    draw,
    // Of the run on show.
    set(found) {
      ahead = found;
      showPending(found.pending, found.next);
      lrscope.labels.keep("pending", found.marks);
      draw();
    },
    reset() {
      ahead = null;
      showPending("", "");
    },

    // Of the next run: drawn once the form has been changed, or while there is no run on show.
    plan(found) {
      plan = found;
      draw();
    },
    forgetPlan() {
      edited = false;
      draw();
    },
  };
})();
