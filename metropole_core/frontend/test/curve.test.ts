import assert from "node:assert/strict";
import { test } from "node:test";
import { area, bitrate, curve, decimal } from "../src/dashboard/curve.ts";

test("bitrates are written with one digit and the unit that fits", () => {
  assert.equal(bitrate(6_140_000, "en"), "6.1 Mbit/s");
  assert.equal(bitrate(128_000, "de"), "128 kbit/s");
  assert.equal(bitrate(12, "en"), "12 bit/s");
  assert.equal(decimal(29.97, "de"), "30");
  assert.equal(decimal(2.04, "en"), "2");
});

test("the curve grows from the right and fits into its box", () => {
  assert.equal(curve([5]), "");
  assert.equal(curve([0, 0]), "M235.9 44.0L240.0 44.0");
  const path = curve(Array.from({ length: 60 }, (_, n) => n));
  assert.equal(path.startsWith("M0.0 44.0L"), true);
  assert.equal(path.endsWith("L240.0 5.7"), true);
});

test("the area below a curve begins where the curve begins", () => {
  assert.equal(area(""), "");
  assert.equal(area(curve([0, 0])), "M235.9 44.0L240.0 44.0V44H235.9Z");
});
