// The pace control: it follows the run's pace, which another tab may set, but never a moment's old
// pace while the one just chosen here is on its way.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const ON_ITS_WAY_MS = 2000;
  let known = null; // the run's pace as the server last said it
  let chosen = null, timer; // here, and not yet said by the server

  document.addEventListener("change", ({ target }) => {
    if (!target.closest("#pace")) return;
    chosen = target.value;
    clearTimeout(timer);
    timer = setTimeout(() => {
      chosen = null;
      show();
    }, ON_ITS_WAY_MS);
  });

  function show() {
    if (known !== null && chosen === null) lrscope.page.set("pace", { value: known });
  }

  lrscope.pace = {
    follow(pace) {
      known = pace;
      if (pace === chosen) chosen = null;
      show();
    },
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.pace = {
    // What a person chose, and not what the control follows.
    choose: (pace) => (pace === known ? lrscope.page.noUpdate() : pace),
  };
})();
