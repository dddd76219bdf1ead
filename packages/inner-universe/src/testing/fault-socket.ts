import type { TestLink } from '@inner-universe/host/testing';
import type { SdkSocket, SocketEnd } from '../connection/sdk-socket.ts';
import type { FaultLane } from './fault-lane.ts';

/** A client's socket whose messages go through the lanes of a test's network. */
export class FaultSocket implements SdkSocket {
  readonly #link: TestLink;
  readonly #lanes: { readonly toHost: FaultLane; readonly toClient: FaultLane };

  constructor(link: TestLink, lanes: { readonly toHost: FaultLane; readonly toClient: FaultLane }) {
    this.#link = link;
    this.#lanes = lanes;
  }

  get protocol(): string {
    return this.#link.protocol;
  }

  get readyState(): number {
    return this.#link.readyState;
  }

  set onopen(handler: () => void) {
    this.#link.onopen = handler;
  }

  set onmessage(handler: (message: { readonly data: Uint8Array }) => void) {
    const ends = { deliver: (data: Uint8Array) => handler({ data }), drop: () => this.#link.drop() };
    this.#link.onmessage = ({ data }) => this.#lanes.toClient.pass(data, ends);
  }

  set onclose(handler: (event: SocketEnd) => void) {
    this.#link.onclose = handler;
  }

  set onerror(handler: (event: { readonly message: string }) => void) {
    this.#link.onerror = handler;
  }

  send(message: Uint8Array): void {
    const ends = { deliver: (bytes: Uint8Array) => this.#link.send(bytes), drop: () => this.#link.drop() };
    this.#lanes.toHost.pass(message, ends);
  }

  close(): void {
    this.#link.close();
  }
}
