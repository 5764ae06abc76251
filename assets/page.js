// Functions that all scripts of the page need. Each file adds its part to `window.lrscope` and looks
// up the others only when called, so the order in which they load does not matter.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  const LOST = "LRScope does not answer. Restart it, and this page will continue from here.";

  lrscope.page = {
    LOST,
    NO_ANSWER: ["lost", "no answer"], // the state of a status, and its word
    noUpdate: () => window.dash_clientside.no_update,
    set: (id, props) => window.dash_clientside.set_props(id, props),
    element: (id) => document.getElementById(id),

    // What the server answers; fails with a sentence, of the server if it refuses the page.
    async post(path, body) {
      let reason = LOST;
      try {
        const answer = await fetch(path, { method: "POST", body: JSON.stringify(body) });
        if (answer.ok) return await answer.json();
        if (answer.status === 403) reason = await answer.text(); // restarted with another token
      } catch {} // it did not answer, or not LRScope
      throw new Error(reason);
    },

    // Read from the attribute that Mantine's toggle sets: the property in Dash is initially wrong on
    // a dark page.
    scheme: () =>
      document.documentElement.getAttribute("data-mantine-color-scheme") === "dark" ? "dark" : "light",

    // A sentence in lines, for plotly, which reads markup in it.
    wrapped(text, width = 46) {
      const lines = [""];
      for (const word of text.split(" ")) {
        if ((lines.at(-1) + word).length > width) lines.push("");
        lines[lines.length - 1] += `${word} `;
      }
      return lines.map((line) => line.trim().replaceAll("&", "&amp;").replaceAll("<", "&lt;")).join("<br>");
    },

    // A colour of the theme, by meaning.
    colour: (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(),
  };
})();
