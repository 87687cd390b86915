// Frames of the site's WebSocket, JSON text, `t` names the kind. Version 1, as in
// metropole_core/realtime/protocol.py.

import type { LiveState } from "./page.ts";

export interface Person {
  key: string;
  name: string;
  hue: number;
}

export interface ChatMessage {
  id: string;
  name: string;
  key: string;
  hue: number;
  role: string;
  text: string;
  at: string;
}

export interface ChatSettings {
  enabled: boolean;
  modes: { name: string; sentence: string }[];
}

export interface Status {
  channel: string;
  state: LiveState;
  started_at: string | null;
  viewers: number;
  title: string;
  category: string;
}

export interface You extends Person {
  user_id: number | null;
  role: string;
}

export interface FromServer {
  welcome: {
    you: You;
    can_speak: boolean;
    why?: string | null;
    chat: ChatSettings | null;
    people: number;
    here: Person[];
    deleted: string[];
    history: ChatMessage[];
    status: Status | null;
  };
  msg: ChatMessage;
  join: { people: Person[]; n: number };
  leave: { keys: string[]; n: number };
  status: Status;
  viewers: { channel: string; n: number };
  refused: { nonce: string; code: string; reason: string; retry_after: number | null };
  accepted: { nonce: string; id: string; wait: number | null };
  chat: ChatSettings;
  deleted: { ids: string[] };
  notice: { channel: string };
  health: {
    channel: string;
    level: string;
    version: number;
    bitrate: number;
    fps: number | null;
    frames: number;
    dropped: number;
    key_interval: number | null;
    late: number;
    findings: { code: string; severity: string }[];
  };
  error: { code: string; reason: string };
}

export type Kind = keyof FromServer;

export type ToServer =
  | { t: "hello"; v: 1; channel?: string; after?: string }
  | { t: "say"; text: string; nonce: string }
  | { t: "delete"; id: string; nonce: string }
  | { t: "beat"; channel?: string; playing: boolean }
  | { t: "bye" };
