// The form: keeps boxes and sliders in sync, shows errors next to fields, and draws the preview.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  // Mantine looks up this function by name to format the values of a slider on a log scale.
  window.dashMantineFunctions = window.dashMantineFunctions || {};
  // As a decimal: 1e-8 is no valid value of a slider for a screen reader.
  window.dashMantineFunctions.pow10scale = (exponent) => (10 ** exponent).toFixed(10).replace(/\.?0+$/, "");

  // A field and its slider have the same key and owner; a row of a sweep's form has a number.
  const same = (a, b) => a.key === b.key && a.owner === b.owner && a.row === b.row;

  // Where boxes have put their sliders, one after the other, until Dash reports these as moved: a
  // slider that was not moved by hand must not write into its box, which may have been typed into
  // meanwhile.
  const put = new Map();
  const named = ({ type, key, owner }) => [type, key, owner].join();

  // In a narrow window the form folds once a run is on show.
  function fold(isFolded) {
    lrscope.page.element("fold").setAttribute("aria-expanded", String(!isFolded));
  }
  document.addEventListener("click", ({ target }) => {
    if (target.id === "fold") fold(target.getAttribute("aria-expanded") === "true");
  });
  lrscope.form = { fold };

  // A caution, with a button that sets the setting that would mend it.
  function caution({ sentence, field, value, button }) {
    const item = document.createElement("li");
    item.textContent = sentence;
    if (!field) return item;
    const mend = document.createElement("button");
    mend.type = "button";
    mend.textContent = button;
    mend.addEventListener("click", () => {
      lrscope.page.set(field, { value });
      lrscope.page.element("cautions").focus(); // the button goes with its caution
    });
    item.append(" ", mend);
    return item;
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.form = {
    // A box and its slider show the same value; the one that changed sets the other. Only what
    // differs is set, since an output for every control would redraw them all.
    follow(texts, positions, fields, sliders, scales, steps) {
      const moved = window.dash_clientside.callback_context.triggered
        .map((trigger) => JSON.parse(trigger.prop_id.slice(0, trigger.prop_id.lastIndexOf("."))))
        .filter((id) => id.type.endsWith("-slider"));
      sliders.forEach((id, i) => {
        const place = fields.findIndex((field) => same(field, id));
        const text = texts[place];
        const number = Number(text?.replace(",", "."));
        const readable = text !== "" && Number.isFinite(number) && (!scales[i] || number > 0);
        const position = scales[i] ? Math.log10(number) : number;
        const waiting = put.get(named(id)) || [], at = waiting.lastIndexOf(positions[i]);
        const byBox = at >= 0 || (readable && position === positions[i]);
        const slid = moved.some((other) => same(other, id));
        if (slid) put.set(named(id), at >= 0 ? waiting.slice(at + 1) : []);
        if (slid && !byBox) {
          const value = scales[i] ? 10 ** positions[i] : positions[i];
          const shown = Number(value.toPrecision(steps[i] >= 1 ? 6 : 2));
          if (shown !== number) {
            lrscope.page.set(fields[place], {
              value: shown < 1e-3 && shown > 0 ? shown.toExponential() : String(shown),
            });
          }
        } else if (readable && Math.abs(position - positions[i]) > steps[i] / 2) {
          put.set(named(id), [...(put.get(named(id)) || []), position]);
          lrscope.page.set(id, { value: position });
        }
      });
    },

    showProblems(problems, fields, errors) {
      fields.forEach((id, i) => {
        const problem = problems.find((p) => same(p.id, id));
        const sentence = problem ? problem.sentence : null;
        if ((errors[i] || null) !== sentence) lrscope.page.set(id, { error: sentence });
      });
    },

    // What Start refused were other settings.
    forgetRefusal: () => "",

    // What the settings lead to: in words here, as a curve in the LR chart.
    preview(ahead) {
      lrscope.page.element("cautions").replaceChildren(...ahead.cautions.map(caution));
      lrscope.page.element("preview-text").textContent = ahead.text;
      lrscope.ahead.plan(ahead);
    },

    // In a narrow window the form is above the charts: setting up a fork scrolls to the form, and
    // Start scrolls to the charts.
    revealForm(fork) {
      if (fork) fold(false);
      const form = lrscope.page.element("form");
      if (fork && form.getBoundingClientRect().top < 0) {
        form.parentElement.scrollIntoView({ behavior: "smooth" });
      }
    },
    revealCharts(started) {
      if (!started) return;
      fold(true);
      lrscope.ahead.forgetPlan();
      const panel = lrscope.page.element("run-panel");
      panel.focus({ preventScroll: true }); // on Start, Space or Enter would start another run
      if (panel.getBoundingClientRect().top > 200) panel.scrollIntoView({ behavior: "smooth" });
    },
  };
})();
