"""Find a learning rate: what can be said cheaply, and no more than that.

A sweep's kind says which of three ways it is, and its plan is one of `plans`:

- `find`, A, "the best run here" (`plans.BestHere`): every LR for a few epochs from the same weights
  and in the same order; the best few go on under the plateau rule to the end.
- `which`, B, "which LR" (`plans.WhichLR`): every LR for a few epochs, then one at a tenth of it,
  on two seeds; the answer is the lowest LR that is about as good as the best.
- `range`, the classic range test (`plans.RangeTest`): one training while the LR grows batch by
  batch, and where the four rules of fastai would choose.

`finding.add_find` queues one, `finding.execute_find` trains it, `finding.answer` says what it has
found so far as plain values, `sentences.sentences` says the same in words, and `finding.check` is
the grid that checks it on other seeds. The cells of A and B are runs like any other, each with the
numbers of a run of its own: what they share, the sweep trains once.

What cannot be found this way: factor and patience. On one seed their differences lie within noise.
"""
