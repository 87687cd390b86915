import assert from "node:assert/strict";
import { test } from "node:test";
import { expected, note, type Shelf } from "../src/line.ts";

const HOUR = 3_600_000;

class Kept implements Shelf {
  text: string | null = null;
  getItem(): string | null {
    return this.text;
  }
  setItem(_key: string, value: string): void {
    this.text = value;
  }
}

const broken: Shelf = {
  getItem: () => {
    throw new Error("storage is off");
  },
  setItem: () => {
    throw new Error("storage is off");
  },
};

test("the next page begins with less than what the line carried", () => {
  const shelf = new Kept();
  note(shelf, 1000, 8_000_000);
  const begin = expected(shelf, 2000);
  assert.ok(begin < 8_000_000 && begin > 4_000_000, `${begin}`);
});

test("what it carried an hour ago, or in the future, says nothing", () => {
  const shelf = new Kept();
  const unknown = expected(null, 0);
  note(shelf, 1000, 8_000_000);
  assert.equal(expected(shelf, 1001 + HOUR), unknown);
  assert.equal(expected(shelf, 999), unknown);
});

test("a slow network that the browser tells of is believed, a quick one only half", () => {
  assert.ok(expected(null, 0, 0.5) < 500_000);
  assert.ok(expected(null, 0, 10) < 4_000_000);
  assert.ok(expected(null, 0, 10) > expected(null, 0));
});

test("storage that is off, or holds nonsense, does no harm", () => {
  note(broken, 0, 1e6);
  note(null, 0, 1e6);
  assert.equal(expected(broken, 0), expected(null, 0));
  for (const text of ["null", "{}", "no json", '{"bps": -1, "at": 0}', '{"bps": "9", "at": 0}']) {
    const shelf = new Kept();
    shelf.text = text;
    assert.equal(expected(shelf, 0), expected(null, 0), text);
  }
});

test("no estimate is no news", () => {
  const shelf = new Kept();
  for (const bps of [Number.NaN, 0, Number.POSITIVE_INFINITY]) note(shelf, 0, bps);
  assert.equal(shelf.text, null);
});
