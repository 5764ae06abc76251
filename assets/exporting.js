// The menus with downloads: those of the displayed run follow it; a refusal is said in the menu.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const menuOf = (element) => element.closest("details.export");

  function say(menu, sentence) {
    menu.querySelector(".export-refused").textContent = sentence;
  }

  // A download by script: a refusal would replace the page if the link were followed.
  async function download(link) {
    const menu = menuOf(link), address = new URL(link.href);
    address.search += `&theme=${lrscope.page.scheme()}`;
    say(menu, "");
    menu.dataset.busy = "";
    try {
      const answer = await fetch(address);
      if (!answer.ok) return say(menu, (await answer.text()).trim());
      const [, name] = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"));
      const saved = document.createElement("a");
      saved.href = URL.createObjectURL(await answer.blob());
      saved.download = name;
      saved.click();
      setTimeout(() => URL.revokeObjectURL(saved.href), 60_000);
      menu.open = false;
    } catch {
      say(menu, "LRScope does not answer.");
    } finally {
      delete menu.dataset.busy;
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("details.export a");
    for (const menu of document.querySelectorAll("details.export[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (!("busy" in menuOf(link).dataset)) download(link);
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.activeElement && menuOf(document.activeElement);
    if (!menu || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  // Lets a menu, by its id, offer these runs; without one it is not shown.
  function choose(id, runs) {
    const menu = lrscope.page.element(id);
    if (!menu) return;
    menu.hidden = !runs.length;
    say(menu, "");
    for (const link of menu.querySelectorAll("a")) {
      const address = new URL(link.href), format = address.searchParams.get("format");
      const named = runs.map((run) => ["run", run]);
      link.href = `${address.pathname}?${new URLSearchParams([...named, ["format", format]])}`;
    }
  }

  lrscope.exporting = { choose };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.exporting = {
    follow: (run) => choose("export", run ? [run] : []),
  };
})();
