/** The embedded host, in a file of its own: it is loaded when a universe is embedded, and left out of browsers. */
export { makeStderrLogger, openHost } from '@inner-universe/host';
