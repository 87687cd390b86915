import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../src/backoff.ts";

test("waits double up to the longest", () => {
  const backoff = new Backoff(500, 4000, () => 1);
  assert.deepEqual(
    Array.from({ length: 5 }, () => backoff.next()),
    [500, 1000, 2000, 4000, 4000],
  );
  backoff.reset();
  assert.equal(backoff.next(), 500);
});

test("waits are spread over the upper half of the span", () => {
  assert.equal(new Backoff(1000, 9000, () => 0).next(), 500);
  assert.equal(new Backoff(1000, 9000, () => 0.5).next(), 750);
});

test("many failures stay within bounds", () => {
  const backoff = new Backoff(500, 15_000, () => 1);
  for (let i = 0; i < 2000; i++) assert.ok(backoff.next() <= 15_000);
});
