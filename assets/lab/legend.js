// The legend of the rule strip: only the kinds of cells that the run has.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const key = (kind) => document.querySelector(`.legend .key-${kind.replace(" ", "-")}`);

  lrscope.legend = {
    reset(kinds) {
      document.querySelectorAll(".legend .key").forEach((item) => (item.hidden = true));
      kinds.forEach((kind) => (key(kind).hidden = false));
    },
    // The kinds of these new points.
    show(traces) {
      for (const [name] of traces) if (name.startsWith("cell:")) key(name.slice(5)).hidden = false;
    },
  };
})();
