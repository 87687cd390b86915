import assert from "node:assert/strict";
import { test } from "node:test";
import { Recovery } from "../src/recovery.ts";

test("the network gets four tries with growing waits, then the player decides", () => {
  const recovery = new Recovery();
  const waits = [0, 1, 2, 3].map((i) => recovery.remedy("network", false, i * 1000).wait);
  assert.deepEqual(waits, [500, 1000, 2000, 4000]);
  assert.equal(recovery.remedy("network", false, 4000).remedy, "give up");
});

test("old trouble is forgotten", () => {
  const recovery = new Recovery();
  for (let i = 0; i < 20; i++) {
    assert.equal(recovery.remedy("network", false, i * 31_000).remedy, "reload");
  }
});

test("a decoder is recovered twice", () => {
  const recovery = new Recovery();
  assert.equal(recovery.remedy("media", false, 0).remedy, "recover");
  assert.equal(recovery.remedy("media", false, 10).remedy, "recover");
  assert.equal(recovery.remedy("media", false, 20).remedy, "give up");
});

test("a stream that is gone is not asked for again", () => {
  assert.equal(new Recovery().remedy("network", true, 0).remedy, "give up");
});

test("what has no remedy has none", () => {
  assert.equal(new Recovery().remedy("other", false, 0).remedy, "give up");
});
