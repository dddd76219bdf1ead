/** Base64 and hex of byte arrays (ES2026), and moving of buffers (ES2024). */
export const BYTES_SOURCE: string = `
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  const ALPHABETS = { base64: ALPHABET + '+/', base64url: ALPHABET + '-_' };
  const option = (options, name, allowed) => {
    if (options !== undefined && (options === null || typeof options !== 'object')) throw new TypeError('options must be an object');
    const value = options?.[name] ?? allowed[0];
    if (!allowed.includes(value)) throw new TypeError(name + ' must be ' + allowed.join(' or '));
    return value;
  };
  const alphabetOf = (options) => ALPHABETS[option(options, 'alphabet', ['base64', 'base64url'])];
  const bytesOf = (value) => {
    if (!(value instanceof Uint8Array)) throw new TypeError('this is no Uint8Array');
    return value;
  };
  const textOf = (value) => {
    if (typeof value !== 'string') throw new TypeError('a string is needed');
    return value;
  };
  // Decodes up to 'max' bytes; tells how much of the text they stand for.
  const decodeBase64 = (text, options, max) => {
    const alphabet = alphabetOf(options);
    const handling = option(options, 'lastChunkHandling', ['loose', 'strict', 'stop-before-partial']);
    const bytes = [];
    const fail = (message) => ({ bytes, read, error: new SyntaxError(message) });
    let read = 0;
    let bits = 0;
    let units = 0;
    if (max === 0) return { bytes, read };
    const isSpace = (character) => character === ' ' || character === '\\t' || character === '\\n' || character === '\\f' || character === '\\r';
    // Puts out what a chunk of 2 or 3 characters stands for.
    const finishPartial = (isStrict) => {
      const length = units - 1;
      if (isStrict && (bits & (units === 2 ? 15 : 3)) !== 0) return false;
      if (length === 1) bytes.push((bits >> 4) & 255);
      else bytes.push((bits >> 10) & 255, (bits >> 2) & 255);
      return true;
    };
    for (let position = 0; ; position++) {
      while (position < text.length && isSpace(text[position])) position++;
      if (position >= text.length) {
        if (units > 0) {
          if (handling === 'stop-before-partial') return { bytes, read };
          if (handling === 'strict' || units === 1) return fail('the last chunk of the base64 text is not complete');
          finishPartial(false);
        }
        return { bytes, read: text.length };
      }
      const character = text[position];
      if (character === '=') {
        if (units < 2) return fail('unexpected padding in base64 text');
        let after = position + 1;
        while (after < text.length && isSpace(text[after])) after++;
        if (units === 2) {
          if (after >= text.length) {
            if (handling === 'stop-before-partial') return { bytes, read };
            return fail('the padding of the base64 text is not complete');
          }
          if (text[after] !== '=') return fail('unexpected character in the padding of base64 text');
          after++;
          while (after < text.length && isSpace(text[after])) after++;
        }
        if (after < text.length) return fail('unexpected character after the padding of base64 text');
        if (!finishPartial(handling === 'strict')) return fail('the base64 text has bits beyond its end');
        return { bytes, read: text.length };
      }
      const value = alphabet.indexOf(character);
      if (value < 0) return fail('unexpected character in base64 text');
      const room = max - bytes.length;
      if ((room === 1 && units === 2) || (room === 2 && units === 3)) return { bytes, read };
      bits = (bits << 6) | value;
      units++;
      if (units === 4) {
        bytes.push((bits >> 16) & 255, (bits >> 8) & 255, bits & 255);
        bits = 0;
        units = 0;
        read = position + 1;
        if (bytes.length === max) return { bytes, read };
      }
    }
  };
  const decodeHex = (text, max) => {
    const bytes = [];
    if (text.length % 2 !== 0) return { bytes, read: 0, error: new SyntaxError('hex text has an even number of digits') };
    let read = 0;
    while (read < text.length && bytes.length < max) {
      const pair = text.slice(read, read + 2);
      if (!/^[0-9a-fA-F]{2}$/.test(pair)) return { bytes, read, error: new SyntaxError('unexpected character in hex text') };
      bytes.push(parseInt(pair, 16));
      read += 2;
    }
    return { bytes, read };
  };
  const whole = ({ bytes, error }) => {
    if (error !== undefined) throw error;
    return new Uint8Array(bytes);
  };
  const into = (target, { bytes, read, error }) => {
    target.set(bytes);
    if (error !== undefined) throw error;
    return { read, written: bytes.length };
  };
  defineAll(Uint8Array, {
    fromBase64(text, options) { return whole(decodeBase64(textOf(text), options, Infinity)); },
    fromHex(text) { return whole(decodeHex(textOf(text), Infinity)); },
  });
  defineAll(Uint8Array.prototype, {
    setFromBase64(text, options) { return into(bytesOf(this), decodeBase64(textOf(text), options, this.length)); },
    setFromHex(text) { return into(bytesOf(this), decodeHex(textOf(text), this.length)); },
    toBase64(options) {
      const bytes = bytesOf(this);
      const alphabet = alphabetOf(options);
      const padding = options?.omitPadding ? '' : '=';
      let text = '';
      for (let at = 0; at < bytes.length; at += 3) {
        const left = bytes.length - at;
        const bits = (bytes[at] << 16) | ((left > 1 ? bytes[at + 1] : 0) << 8) | (left > 2 ? bytes[at + 2] : 0);
        text += alphabet[bits >> 18] + alphabet[(bits >> 12) & 63];
        text += left > 1 ? alphabet[(bits >> 6) & 63] : padding;
        text += left > 2 ? alphabet[bits & 63] : padding;
      }
      return text;
    },
    toHex() {
      let text = '';
      for (const byte of bytesOf(this)) text += (byte < 16 ? '0' : '') + byte.toString(16);
      return text;
    },
  });
  // The buffer that was moved keeps its bytes: to detach it takes an engine that has this.
  const moveTo = (buffer, length) => {
    const size = length === undefined ? buffer.byteLength : Math.trunc(Number(length)) || 0;
    const moved = new ArrayBuffer(size);
    new Uint8Array(moved).set(new Uint8Array(buffer, 0, Math.min(buffer.byteLength, size)));
    return moved;
  };
  defineAll(ArrayBuffer.prototype, {
    transfer(length) { return moveTo(this, length); },
    transferToFixedLength(length) { return moveTo(this, length); },
  });
`;
