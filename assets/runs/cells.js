// The cells of the table of runs that are more than text.

(function () {
  const cells = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});
  const make = (...parts) => window.React.createElement(...parts);
  const run = (number) => `/?run=${number}`;

  // Not a tab stop: in the grid the arrows lead from cell to cell, and Enter follows the link.
  const link = (number, text, more) => make("a", { href: run(number), tabIndex: -1, ...more }, text);

  cells.RunNumber = ({ value }) => (value ? link(value, `#${value}`) : null);

  cells.RunSweep = ({ value }) => (value ? make("a", { href: `/sweep?sweep=${value}`, tabIndex: -1 }, `#${value}`) : null);

  cells.RunName = ({ data }) => {
    if (!data) return make("span", { className: "runs-loading" }, "…");
    const unnamed = data.name === "";
    const named = link(data.id, unnamed ? data.called : data.name, { className: unnamed ? "runs-unnamed" : "runs-named", title: unnamed ? data.called : data.name });
    return data.archived ? make("span", null, make("span", { className: "runs-tag" }, "archived"), named) : named;
  };

  cells.RunStatus = ({ value }) => value && make("span", { className: "run-option-status", "data-state": value[0] }, value[1]);

  const TIME = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" };
  cells.RunTime = ({ value }) => value ? new Date(1000 * value).toLocaleString("en-GB", TIME) : null;

  cells.RunStar = ({ data }) => data && !data.unreadable
    ? make("button", { type: "button", tabIndex: -1, className: "runs-star", "aria-pressed": data.starred, "aria-label": `Star of run ${data.id}` }, data.starred ? "★" : "☆")
    : null;

  cells.RunTags = ({ value }) => value
    ? make("span", { className: "runs-tags" }, value.split(", ").map((tag) => make("span", { key: tag, className: "runs-tag" }, tag)))
    : null;

  const WIDTH = 108, HIGH = 100;
  // Its lines within a picture, each between two heights; a gap in it ends one.
  function lines(values, top, bottom) {
    const step = WIDTH / (values.length - 1);
    const points = values.map((value, i) => value === null ? null : `${(i * step).toFixed(1)} ${(bottom - (value / HIGH) * (bottom - top)).toFixed(1)}`);
    return points.map((point, i) => point && `${i && points[i - 1] ? "L" : "M"}${point}`).filter(Boolean).join("");
  }

  cells.RunCurve = ({ value }) => value
    ? make(
        "svg",
        { width: WIDTH, height: 30, "aria-hidden": true, className: "runs-curve" },
        make("path", { d: lines(value.lr, 19, 28), className: "runs-curve-lr" }),
        make("path", { d: lines(value.loss, 2, 17), className: "runs-curve-loss" }),
      )
    : null;
})();
