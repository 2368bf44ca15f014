import { isUtf8 } from 'node:buffer';

import type { CallContext } from './codec.ts';
import { AbiError } from './handles.ts';

/** A length with this bit, in the encoding that has two forms, counts the units of UTF-16. */
const UTF16_TAG = 0x8000_0000;

/** The guest's string; a trap when it is none. */
export function loadString(cx: CallContext, pointer: number, length: number): string {
  if (length === 0) return '';
  switch (cx.encoding) {
    case 'utf8': {
      const bytes = bytesAt(cx, pointer, length);
      if (!isUtf8(bytes)) throw new AbiError('a string is not UTF-8');
      return bytes.toString('utf8');
    }
    case 'utf16':
      return bytesAt(cx, pointer, length * 2).toString('utf16le');
    case 'latin1+utf16':
      return length >= UTF16_TAG
        ? bytesAt(cx, pointer, (length - UTF16_TAG) * 2).toString('utf16le')
        : bytesAt(cx, pointer, length).toString('latin1');
  }
}

/** Gives the guest a string; returns its address and length. */
export function storeString(cx: CallContext, text: string): readonly [pointer: number, length: number] {
  if (cx.encoding === 'utf8') {
    // The length in bytes is known only when it is encoded, and mostly it is that in characters.
    const bytes = Buffer.from(text, 'utf8');
    return [put(cx, bytes, 1), bytes.length];
  }
  const isNarrow = cx.encoding === 'latin1+utf16' && isLatin1(text);
  if (isNarrow) return [put(cx, Buffer.from(text, 'latin1'), 2), text.length];
  const pointer = put(cx, Buffer.from(text, 'utf16le'), 2);
  return [pointer, cx.encoding === 'utf16' ? text.length : text.length + UTF16_TAG];
}

function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}

/** Gives the guest a copy of the bytes. */
export function put(cx: CallContext, bytes: Uint8Array, align: number): number {
  if (bytes.length === 0) return align;
  const pointer = cx.allocate(bytes.length, align);
  cx.memory.bytes.set(bytes, pointer);
  return pointer;
}

/** A view: for a use that ends before the guest goes on. */
export function bytesAt(cx: CallContext, pointer: number, length: number): Buffer {
  if (!cx.memory.holds(pointer, length)) throw new AbiError('a list or string is outside of its memory');
  const { bytes } = cx.memory;
  return Buffer.from(bytes.buffer, bytes.byteOffset + pointer, length);
}
