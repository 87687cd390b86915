import assert from "node:assert/strict";
import { test } from "node:test";
import type { Quality } from "../src/player/engine.ts";
import { nearest, qualityLabel } from "../src/player/labels.ts";

const quality = (width: number, height: number, more: Partial<Quality> = {}): Quality => ({
  id: `${height}`,
  width,
  height,
  frameRate: 30,
  bitrate: 0,
  codec: "avc1.64001f",
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
