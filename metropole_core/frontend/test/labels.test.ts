import assert from "node:assert/strict";
import { test } from "node:test";
import type { Quality } from "../src/player/engine.ts";
import { nearest, qualityLabel, rateLabel, soundLabel } from "../src/player/labels.ts";

const quality = (width: number, height: number, more: Partial<Quality> = {}): Quality => ({
  id: `${height}`,
  width,
  height,
  frameRate: 30,
  bitrate: 0,
  codec: "avc1.64001f",
  source: false,
  ...more,
});

test("qualities have the names that people know", () => {
  assert.equal(qualityLabel(quality(1280, 720)), "720p");
  assert.equal(qualityLabel(quality(1920, 1080, { frameRate: 59.94 })), "1080p60");
  assert.equal(qualityLabel(quality(1080, 1920)), "1080p");
  assert.equal(qualityLabel(quality(3840, 2160)), "4K 2160p");
  assert.equal(
    qualityLabel(quality(7680, 4320, { frameRate: 60, codec: "av01.0.17M.10" })),
    "8K 4320p60 · AV1",
  );
});

test("a remembered height finds the nearest that does not exceed it", () => {
  const offered = [quality(0, 1080), quality(0, 720), quality(0, 360)];
  assert.equal(nearest(offered, 720)?.height, 720);
  assert.equal(nearest(offered, 800)?.height, 720);
  assert.equal(nearest(offered, 144)?.height, 360);
  assert.equal(nearest([], 720), undefined);
});

test("bit rates are rounded to what tells them apart", () => {
  assert.equal(rateLabel(2_534_000, "en"), "2.5 Mbit/s");
  assert.equal(rateLabel(2_534_000, "de"), "2,5 Mbit/s");
  assert.equal(rateLabel(12_000_000, "en"), "12 Mbit/s");
  assert.equal(rateLabel(254_000, "en"), "250 kbit/s");
  assert.equal(rateLabel(999_600, "en"), "1 Mbit/s");
  assert.equal(rateLabel(0, "en"), "");
});

test("tracks of sound have their own name, or that of their language", () => {
  assert.equal(soundLabel({ id: "0", name: "Commentary", language: "de" }, "en"), "Commentary");
  assert.equal(soundLabel({ id: "0", name: "", language: "de" }, "en"), "German");
  assert.equal(
    soundLabel({ id: "1", name: "", language: "not a language" }, "en"),
    "not a language",
  );
  assert.equal(soundLabel({ id: "1", name: "", language: "" }, "en"), "1");
});
