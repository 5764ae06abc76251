// Functions that all scripts of the page need. Each file adds its part to `window.lrscope` and looks
// up the others only when called, so the order in which they load does not matter.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  lrscope.page = {
    noUpdate: () => window.dash_clientside.no_update,
    set: (id, props) => window.dash_clientside.set_props(id, props),
    element: (id) => document.getElementById(id),

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
