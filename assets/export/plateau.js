// torch's plateau rule over the recorded values of a monitor, step by step and bit by bit. Pure.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  // Strictly better, compared with the best and never with the value before; NaN is never better.
  function isBetter(value, best, { mode, threshold, threshold_mode }) {
    if (threshold_mode === "rel") {
      return mode === "min" ? value < best * (1 - threshold) : value > best * (threshold + 1);
    }
    return mode === "min" ? value < best - threshold : value > best + threshold;
  }

  // Where the rule starts with an LR: no value has been seen.
  function begin(lr, { mode }) {
    return { lr, best: mode === "min" ? Infinity : -Infinity, bad: 0, cooldown: 0 };
  }

  // The state after a value, and in `did` what the step did: improved, waiting, cooldown, cut or
  // "no effect", which is a cut that eps or min_lr prevented.
  function step({ lr, best, bad, cooldown }, value, settings) {
    const better = isBetter(value, best, settings), cooling = cooldown > 0;
    let did = better ? "improved" : cooling ? "cooldown" : "waiting";
    if (better) {
      best = value;
      bad = 0;
    } else bad += 1;
    if (cooling) {
      cooldown -= 1;
      bad = 0;
    }
    if (bad > settings.patience) {
      const lower = Math.max(lr * settings.factor, settings.min_lr);
      did = lr - lower > settings.eps ? "cut" : "no effect";
      if (did === "cut") lr = lower;
      cooldown = settings.cooldown;
      bad = 0;
    }
    return { lr, best, bad, cooldown, did };
  }

  lrscope.plateau = { begin, step };
})();
