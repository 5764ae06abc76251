// Data and a network of one's own: the boxes for them, and whose code may run.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});
  const KEYS = ["dataset", "model"];
  const FIRST = { dataset: "digits", model: "cnn" }; // what a box that is emptied leaves
  const field = (key, owner) => ({ key, owner, type: "run-field" });

  // To type a file's path is to name it: its code may run. What an address or a run filled in
  // must be ticked. What is ticked already is left alone: its answer would be of the text before.
  document.addEventListener("input", ({ target, isTrusted }) => {
    if (isTrusted && target.id === JSON.stringify(field("model", "own")) && !document.getElementById("trust").checked) {
      lrscope.page.set("trust", { checked: true });
    }
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.own = {
    // A box that is filled is chosen; a choice beside it empties the box.
    choose(values, fields) {
      const value = (key, owner) => values[fields.findIndex((id) => id.key === key && id.owner === owner)];
      const changed = window.dash_clientside.callback_context.triggered.map(({ prop_id }) => prop_id);
      for (const key of KEYS) {
        const [chosen, typed] = [value(key, ""), value(key, "own")];
        const has = (owner) => changed.some((id) => id.startsWith(JSON.stringify(field(key, owner))));
        if (has("own") && !has("")) {
          if (typed && chosen !== "own") lrscope.page.set(field(key, ""), { value: "own" });
          if (!typed && chosen === "own") lrscope.page.set(field(key, ""), { value: FIRST[key] });
        } else if (has("") && !has("own")) {
          if (chosen !== "own" && typed) lrscope.page.set(field(key, "own"), { value: "" });
          if (chosen === "own" && !typed) document.getElementById(JSON.stringify(field(key, "own")))?.focus();
        }
      }
      const box = document.getElementById(JSON.stringify(field("model", "own")));
      const trust = document.querySelector("#form .trust");
      if (trust) trust.hidden = box?.disabled || value("model", "") !== "own" || !/\.py:/.test(value("model", "own") || "");
    },
  };
})();
