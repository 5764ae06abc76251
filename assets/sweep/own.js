// Networks of one's own among the values: whose code may run.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const NAMES_CODE = /\.py:/;
  const isBox = (target) => Boolean(target.matches?.("main.sweep .sweep-row textarea"));
  let before = null; // the box that is typed into, and its text until then

  document.addEventListener("beforeinput", ({ target }) => {
    if (isBox(target)) before = { target, text: target.value };
  });

  // To type a file's path is to name it: its code may run. What an address or a run filled in must
  // be ticked, also where more is typed beside it.
  document.addEventListener("input", ({ target, isTrusted }) => {
    if (!isTrusted || before?.target !== target) return;
    const isNew = NAMES_CODE.test(target.value) && !NAMES_CODE.test(before.text);
    if (isNew && lrscope.page.element("sweep-trusted").hidden) lrscope.page.set("sweep-trust", { checked: true });
  });
})();
