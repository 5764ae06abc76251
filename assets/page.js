// What all scripts of the page need. Each file adds its own part to `window.lrscope` and looks the
// others up only when it is called: the order in which they load must not matter.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  lrscope.page = {
    noUpdate: () => window.dash_clientside.no_update,
    set: (id, props) => window.dash_clientside.set_props(id, props),
    element: (id) => document.getElementById(id),

    // Mantine's toggle sets the attribute; the property that Dash would report starts out wrong for
    // a page that begins dark.
    scheme: () =>
      document.documentElement.getAttribute("data-mantine-color-scheme") === "dark" ? "dark" : "light",

    // A colour of the theme, by its meaning.
    colour: (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(),
  };
})();
