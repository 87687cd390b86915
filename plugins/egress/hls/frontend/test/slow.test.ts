import assert from "node:assert/strict";
import { test } from "node:test";
import { corrected } from "../src/slow.ts";

const PART = 0.2; // s
const NEEDED = 2_500_000;
const octets = (bps: number, ms: number) => (bps * ms) / 8000;

test("a part that arrives more slowly than it plays lowers what is believed, below what was measured", () => {
  const bps = corrected({ loaded: octets(9e5, 150), ms: 150, seconds: PART }, 2e7, NEEDED);
  assert.ok(bps !== null && bps < 9e5 && bps > 3e5, `${bps}`);
});

test("a quick part says nothing, however small it is", () => {
  assert.equal(corrected({ loaded: 900, ms: 30, seconds: PART }, 2e7, NEEDED), null);
});

test("a line that carries what plays is left alone", () => {
  assert.equal(
    corrected({ loaded: octets(NEEDED, 190), ms: 190, seconds: PART }, 2e7, NEEDED),
    null,
  );
});

test("what is believed already is not said again, and never raised", () => {
  const transfer = { loaded: octets(9e5, 300), ms: 300, seconds: PART };
  const bps = corrected(transfer, 2e7, NEEDED) ?? 0;
  assert.equal(corrected(transfer, bps, NEEDED), null);
  assert.equal(corrected(transfer, 1e5, NEEDED), null);
});

test("nothing that came yet is no measure", () => {
  assert.equal(corrected({ loaded: 0, ms: 900, seconds: PART }, 2e7, NEEDED), null);
});

test("segments have as much longer as they play longer", () => {
  assert.equal(corrected({ loaded: octets(9e5, 300), ms: 300, seconds: 2 }, 2e7, NEEDED), null);
  assert.notEqual(
    corrected({ loaded: octets(9e5, 1500), ms: 1500, seconds: 2 }, 2e7, NEEDED),
    null,
  );
});
