// What the plateau rule would have done with a recorded run, and up to which epoch that is exact.
// Pure.

(function () {
  const lrscope = (window.lrscope = window.lrscope || {});

  // The LRs of each epoch's first and last batch. A run has them where they change.
  function rates({ lrs, values }) {
    const found = [];
    let at = 0;
    for (let epoch = 1; epoch <= values.length; epoch++) {
      if (at + 1 < lrs.length && lrs[at + 1][0] <= epoch) at += 1;
      found.push([lrs[at][1], lrs[at][2]]);
    }
    return found;
  }

  // Each epoch under these settings: its LRs, and what the rule did at its end. Up to the fork of a
  // run, and in a warm-up, the epochs are as they were.
  function replay(run, settings) {
    const { after, start, decides, lr: set, warmup } = run.what_if, steps = [], did = rates(run);
    const cuts = new Set(run.cuts);
    const fresh = lrscope.plateau.begin(set, settings);
    let state = start ? { ...start, best: start.best ?? fresh.best } : fresh;
    for (let epoch = 1; epoch <= after; epoch++) {
      const [lr, last] = did[epoch - 1];
      steps.push({ epoch, lr, last, cut: cuts.has(epoch) });
    }
    if (decides) {
      const lr = state.lr;
      state = lrscope.plateau.step(state, run.values[after - 1], settings);
      Object.assign(steps[after - 1], { cut: state.did === "cut", from: lr, to: state.lr });
      if (set !== null) state.lr = set;
    }
    warmup.forEach(([lr, last], i) => steps.push({ epoch: i + 1, lr, last, cut: false }));
    for (let epoch = steps.length + 1; epoch <= run.values.length; epoch++) {
      const lr = state.lr;
      state = lrscope.plateau.step(state, run.values[epoch - 1], settings);
      steps.push({ epoch, lr, last: lr, cut: state.did === "cut", from: lr, to: state.lr });
    }
    return steps;
  }

  // The first batch, as [epoch, batch, would, did], that would have had another LR; null if none.
  function difference(run, steps) {
    const did = rates(run), { after, hand, batches } = run.what_if;
    for (let i = after; i < steps.length; i++) {
      const { epoch, lr, last } = steps[i], [was, was_last] = did[i];
      if (lr !== was) return [epoch, 0, lr, was];
      for (const [its, batch, changed] of hand) {
        if (its === epoch && changed !== lr) return [epoch, batch, lr, changed];
      }
      if (last !== was_last) return [epoch, batches - 1, last, was_last];
    }
    return null;
  }

  // How far a replay is exact, in the words of the Lab.
  function sentence(run, found) {
    const { count, distinct } = lrscope.numbers;
    if (!found) return `No difference: in ${count(run.values.length, "epoch")} every LR would be the same.`;
    const [epoch, batch, ...both] = found, [would, did] = distinct(...both);
    const from = batch ? `, from batch ${(batch + 1).toLocaleString("en-US")} on,` : "";
    const differs = `in epoch ${epoch}${from} the LR would have been ${would} instead of ${did}`;
    if (epoch === 1) return `Different from the start: ${differs}. The rest is a guess.`;
    return `Exact up to epoch ${epoch - 1}: ${differs}. The rest is a guess, since the losses would have been different.`;
  }

  lrscope.replay = { rates, replay, difference, sentence };
})();
