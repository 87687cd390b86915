// The page's one WebSocket: says hello, comes back by itself, tells that the page is there and
// whether its player plays.

import { Backoff } from "./backoff.ts";
import type { FromServer, Kind, ToServer } from "./protocol.ts";

const BEAT_EVERY = 10_000; // ms; the server forgets a silent viewer after 25 s
const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
const STEADY_AFTER = 5_000; // a connection that held this long starts the waits anew

type Handlers = { [K in Kind]?: ((frame: FromServer[K]) => void)[] };

export class Connection {
  /** Whether frames can be sent now. */
  up = false;
  /** The newest chat message seen; the server sends what came after it. */
  lastMessage: string | undefined;

  private socket: WebSocket | null = null;
  private readonly url: string;
  private readonly channel: string | undefined;
  private readonly handlers: Handlers = {};
  private readonly upHandlers: ((up: boolean) => void)[] = [];
  private readonly backoff = new Backoff(FIRST_WAIT, LONGEST_WAIT);
  private retry: number | undefined;
  private steady: number | undefined;
  private playing: () => boolean = () => false;
  private beatenAt = 0;

  constructor(url: string, channel: string | undefined) {
    this.url = url;
    this.channel = channel;
  }

  start(): void {
    this.connect();
    window.setInterval(() => this.beat(), 1000);
    window.addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.hurry();
    });
    window.addEventListener("pagehide", () => this.leave());
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) this.connect();
    });
  }

  on<K extends Kind>(kind: K, handler: (frame: FromServer[K]) => void): void {
    const list = (this.handlers[kind] ?? []) as ((frame: FromServer[K]) => void)[];
    list.push(handler);
    (this.handlers as Record<string, unknown>)[kind] = list;
  }

  onUp(handler: (up: boolean) => void): void {
    this.upHandlers.push(handler);
  }

  /** Send a frame; says whether the connection took it. */
  send(frame: ToServer): boolean {
    if (!this.up || this.socket === null) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  /** This page has a player: tell the server whether it plays. */
  countViewer(playing: () => boolean): void {
    this.playing = playing;
    this.beat(true);
  }

  /**
   * Beat if it is time, or now. Called by more than the timer, because browsers slow the timers
   * of hidden tabs down to one a minute while their video plays on.
   */
  beat(now = false): void {
    if (!now && Date.now() - this.beatenAt < BEAT_EVERY) return;
    const channel = this.channel !== undefined && { channel: this.channel };
    if (this.send({ t: "beat", ...channel, playing: this.playing() })) this.beatenAt = Date.now();
  }

  private connect(): void {
    if (this.socket !== null) return;
    window.clearTimeout(this.retry);
    const socket = new WebSocket(new URL(this.url, location.href.replace(/^http/, "ws")));
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.setUp(true);
      this.send({
        t: "hello",
        v: 1,
        ...(this.channel !== undefined && { channel: this.channel }),
        ...(this.lastMessage !== undefined && { after: this.lastMessage }),
      });
      this.beat(true);
      this.steady = window.setTimeout(() => this.backoff.reset(), STEADY_AFTER);
    });
    socket.addEventListener("message", (event) => this.receive(event.data));
    socket.addEventListener("close", () => {
      if (this.socket !== socket) return;
      this.drop();
      this.retry = window.setTimeout(() => this.connect(), this.backoff.next());
    });
  }

  private receive(data: unknown): void {
    if (typeof data !== "string") return;
    let frame: { t?: unknown };
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    const handlers = this.handlers[frame.t as Kind] as ((frame: unknown) => void)[] | undefined;
    for (const handler of handlers ?? []) handler(frame);
    this.beat();
  }

  /** The network or the person is back: do not sit out a long wait. */
  private hurry(): void {
    if (this.socket === null) this.connect();
    else this.beat();
  }

  /** The page goes away: others see it at once, and the browser may keep the page to come back. */
  private leave(): void {
    this.send({ t: "bye" });
    window.clearTimeout(this.retry);
    const socket = this.socket;
    this.drop();
    socket?.close();
  }

  private drop(): void {
    window.clearTimeout(this.steady);
    this.socket = null;
    this.setUp(false);
  }

  private setUp(up: boolean): void {
    if (this.up === up) return;
    this.up = up;
    for (const handler of this.upHandlers) handler(up);
  }
}
