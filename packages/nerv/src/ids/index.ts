export type { Clock, IdSource, Random, Timers } from './clock.ts';
export { idFault, MAX_ID_BYTES } from './id.ts';
export { systemClock, systemIds, systemRandom, systemTimers, systemTurnClock } from './system.ts';
export { TurnClock } from './turn-clock.ts';
export { tryUuidV7TimeMs, UuidV7Source } from './uuid-v7.ts';
