import type { ConfigurationKey } from '../wire/vocabulary.ts';

const LIMITS = [
  'opsPerSecond',
  'bytesPerSecond',
  'readsPerSecond',
  'readBytesPerSecond',
  'burstSeconds',
  'rows',
] as const;

const RETENTION = ['maxAgeSeconds', 'maxEvents', 'historyMaxAgeSeconds'] as const;

/** Says what is wrong with a configuration value, as the rest of a sentence; undefined if it has its key's form. */
export function checkValidSettings(key: ConfigurationKey, value: unknown): string | undefined {
  switch (key) {
    case 'audit_connections':
    case 'guests':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'history':
      return isRecordOf(value, (kept) => kept === 'full' || kept === 'none')
        ? undefined
        : 'must map types (or *) to "full" or "none"';
    case 'indexes':
      return isRecordOf(value, isTextList) ? undefined : 'must map types (or *) to lists of property keys';
    case 'limits':
      return isNumbers(value, LIMITS) ? undefined : `must be an object of positive numbers ${LIMITS.join(', ')}`;
    case 'retention':
      return isNumbers(value, RETENTION) ? undefined : `must be an object of positive numbers ${RETENTION.join(', ')}`;
    case 'trusted_issuers':
      return Array.isArray(value) && value.every(isIssuer)
        ? undefined
        : 'must be a list of { "issuer", "audience", "claim"? } with texts that are not empty';
  }
}

function isRecordOf(value: unknown, holds: (member: unknown) => boolean): boolean {
  return isObject(value) && Object.values(value).every(holds);
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isNumbers(value: unknown, keys: readonly string[]): boolean {
  if (!isObject(value)) return false;
  return Object.entries(value).every(
    ([key, member]) => keys.includes(key) && typeof member === 'number' && Number.isFinite(member) && member > 0,
  );
}

function isIssuer(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { issuer, audience, claim } = value;
  return isText(issuer) && isText(audience) && (claim === undefined || isText(claim));
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
