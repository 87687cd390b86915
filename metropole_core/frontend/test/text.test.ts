import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, compact, fill, listed } from "../src/text.ts";

test("placeholders are filled, unknown ones stay", () => {
  assert.equal(fill("%(count)s of %(all)s", { count: 0 }), "0 of %(all)s");
  assert.equal(fill("%(a)s", { a: "%(b)s", b: "x" }), "%(b)s");
});

test("time runs on past a day and never below zero", () => {
  assert.equal(clock(5), "0:00:05");
  assert.equal(clock(11_560.9), "3:12:40");
  assert.equal(clock(360_000), "100:00:00");
  assert.equal(clock(-3), "0:00:00");
});

test("numbers are short, as cards show them", () => {
  assert.equal(compact(861, "en"), "861");
  assert.equal(compact(2418, "en"), "2.4K");
});

test("names are joined as the language does", () => {
  assert.equal(listed(["a", "b"], "en"), "a and b");
  assert.equal(listed(["a", "b", "c"], "de"), "a, b und c");
});
