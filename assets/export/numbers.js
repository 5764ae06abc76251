// Numbers as text, as LRScope writes them. Pure.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  // A number as [mantissa, exponent] with so many digits; where two are equally near, the even one,
  // as Python has it.
  function rounded(value, digits) {
    const near = value.toExponential(digits - 1);
    const exact = value.toExponential(100); // all of its digits, but for the smallest numbers
    const rest = exact.split("e")[0].replace(/[.-]/g, "").slice(digits);
    let [mantissa, exponent] = near.split("e");
    if (/^50*$/.test(rest) && Number(mantissa.at(-1)) % 2) {
      [mantissa, exponent] = [exact.slice(0, mantissa.length), exact.split("e")[1]];
    }
    return [mantissa, Number(exponent)];
  }

  const trimmed = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

  // A learning rate without trailing zeros: 0.01, 1e-4, 3.33e-4.
  function lr(value, digits = 3) {
    if (value === 0) return "0";
    const [mantissa, exponent] = rounded(value, digits);
    const near = Number(`${mantissa}e${exponent}`);
    // Python writes a number without an exponent if it has no more digits than are asked for.
    if (near >= 1e-3 && near < 1000 && exponent < digits) {
      return trimmed(near.toFixed(Math.max(digits - 1 - exponent, 0)));
    }
    return `${trimmed(mantissa)}e${exponent}`;
  }

  // A measured number with three significant digits: 0.0463, 2.30, 8.40e-4.
  function significant(value) {
    if (!Number.isFinite(value)) return "not a number";
    if (value === 0) return "0";
    const [mantissa, exponent] = rounded(value, 3), near = Number(`${mantissa}e${exponent}`);
    const size = Math.abs(near);
    if (size >= 1e-3 && size < 1000) return near.toPrecision(3);
    if (size >= 1000 && Math.abs(value - near) <= 0.5 && Math.abs(value) < 1e6) return near.toFixed(0);
    return `${mantissa}e${exponent}`;
  }

  // The numbers of little-endian doubles in base64.
  function unpacked(text) {
    const view = new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
    return Array.from({ length: view.byteLength / 8 }, (_, i) => view.getFloat64(8 * i, true));
  }

  // Both with three digits, or with as many as it takes to tell them apart.
  function distinct(a, b) {
    let texts = [];
    for (let digits = 3; digits < 18; digits++) {
      texts = [lr(a, digits), lr(b, digits)];
      if (a === b || Number(texts[0]) !== Number(texts[1])) break;
    }
    return texts;
  }

  // A change of the LR as a factor: ÷10; "to 0" where there is none.
  function ratio(before, after) {
    if (!after) return `to ${lr(after)}`;
    const [mantissa, exponent] = rounded(before / after, 3), near = Number(`${mantissa}e${exponent}`);
    return `÷${near >= 1000 && near < 1e6 ? near.toFixed(0) : lr(before / after)}`;
  }

  lrscope.numbers = { lr, significant, unpacked, distinct, ratio, count: (n, word) => `${n} ${word}${n === 1 ? "" : "s"}` };
})();
