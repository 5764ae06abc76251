// The family: asked for again while its tab is open, since runs also train where the page does not
// look, in another process.

(function () {
  const lrscope = window.lrscope;
  const EVERY_MS = 2000;

  let asked = 0;
  setInterval(() => {
    const tabs = document.getElementById("explains");
    if (document.hidden || !tabs || tabs.dataset.tab !== "family") return;
    lrscope.page.set("family-asked", { data: ++asked });
  }, EVERY_MS);
})();
