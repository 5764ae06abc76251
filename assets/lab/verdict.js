// How the run stands: each statement leads to its epochs in the charts, its button does what helps.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const NOTHING_YET = "After three epochs: how the run stands, and what would help.";
  const NOTHING = "Nothing stands out so far.";
  let clicks = 0;

  let stated = []; // the statements on show; their epochs and sentences may change under a button

  function statement([kind, sentence, epochs, action], i) {
    const item = document.createElement("li");
    item.dataset.kind = kind;
    const text = document.createElement(epochs ? "button" : "span");
    text.textContent = sentence;
    if (epochs) {
      text.title = "Show these epochs";
      text.addEventListener("click", () => {
        const [first, last] = stated[i][2];
        lrscope.pointing.point({ first, last });
      });
    }
    item.append(text);
    if (action) {
      const { label, ...advice } = action, button = document.createElement("button");
      button.className = "advice";
      button.textContent = label;
      button.addEventListener("click", () => {
        button.disabled = true; // a second click would start a second run
        clicks += 1;
        lrscope.page.set("advice", { data: { ...advice, clicks } });
      });
      item.append(button);
    }
    return item;
  }

  // Numbers that change with each epoch are written in place: the button stays the one that is
  // being pressed.
  let shown = "";
  function show({ learned, statements }) {
    lrscope.page.element("status").toggleAttribute("data-unlearned", learned === false);
    stated = statements;
    const kinds = JSON.stringify(statements.map(([kind, , epochs, action]) => [kind, Boolean(epochs), action]));
    const list = lrscope.page.element("verdict");
    if (statements.length && kinds === shown && list.children.length === statements.length) {
      statements.forEach(([, sentence], i) => (list.children[i].firstChild.textContent = sentence));
      return;
    }
    shown = kinds;
    const items = statements.map(statement);
    if (!items.length) {
      items.push(document.createElement("li"));
      items[0].textContent = learned === null ? NOTHING_YET : NOTHING;
    }
    list.replaceChildren(...items);
  }

  lrscope.verdict = { show, reset: () => show({ learned: null, statements: [] }) };
})();
