/** Messages in the wire format of Protocol Buffers, by tables of their fields: what CRIU's RPC speaks. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { LifeboatError } from '../kernel/errors.ts';

/** Numbers of an enumeration by their names. */
type Names = Readonly<Record<string, number>>;

export type FieldType = 'int32' | 'uint32' | 'bool' | 'string' | Names | Message;

export interface Field {
  readonly number: number;
  readonly type: FieldType;
  readonly isRepeated?: boolean;
}

export class Message {
  readonly name: string;
  readonly fields: Readonly<Record<string, Field>>;

  constructor(name: string, fields: Readonly<Record<string, Field>>) {
    this.name = name;
    this.fields = fields;
  }
}

/** A value as the message names it: numbers, texts, names of enumerations, messages as objects; lists where repeated. */
export type Value = number | boolean | string | readonly Value[] | { readonly [name: string]: Value | undefined };
export type Values = Readonly<Record<string, Value | undefined>>;

/**
 * What is `undefined` is left out.
 *
 * @throws LifeboatError `bug` for a value that its field cannot hold
 */
export function encode(message: Message, values: Values): Uint8Array {
  const writer = new BinaryWriter();
  writeMessage(writer, message, values);
  return writer.finish();
}

function writeMessage(writer: BinaryWriter, message: Message, values: Values): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const field = message.fields[name];
    if (field === undefined) throw new LifeboatError('bug', `${message.name} has no field ${name}`);
    const list = field.isRepeated === true && Array.isArray(value) ? value : [value];
    for (const one of list) writeField(writer, field, one, `${message.name}.${name}`);
  }
}

function writeField(writer: BinaryWriter, { number, type }: Field, value: Value, what: string): void {
  const wrong = () => new LifeboatError('bug', `${what} cannot be ${JSON.stringify(value)}`);
  if (type === 'string') {
    if (typeof value !== 'string' || value.includes('\0')) throw wrong();
    writer.tag(number, WireType.LengthDelimited).string(value);
  } else if (type === 'bool') {
    if (typeof value !== 'boolean') throw wrong();
    writer.tag(number, WireType.Varint).bool(value);
  } else if (type === 'int32' || type === 'uint32') {
    const [least, most] = type === 'int32' ? [-0x80000000, 0x7fffffff] : [0, 0xffffffff];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) throw wrong();
    writer.tag(number, WireType.Varint)[type](value);
  } else if (type instanceof Message) {
    if (!isValues(value)) throw wrong();
    writer.tag(number, WireType.LengthDelimited).fork();
    writeMessage(writer, type, value);
    writer.join();
  } else {
    const named = typeof value === 'string' ? type[value] : undefined;
    if (named === undefined) throw wrong();
    writer.tag(number, WireType.Varint).int32(named);
  }
}

function isValues(value: Value): value is { readonly [name: string]: Value | undefined } {
  return typeof value === 'object' && !Array.isArray(value);
}

/**
 * Fields that the table does not have are passed over: a newer CRIU has more. A number that its enumeration does not name stays one.
 *
 * @throws Error for bytes that are no message
 */
export function decode(message: Message, bytes: Uint8Array): Record<string, unknown> {
  return readMessage(new BinaryReader(bytes), message, bytes.length);
}

function readMessage(reader: BinaryReader, message: Message, length: number): Record<string, unknown> {
  const fields = new Map(Object.entries(message.fields).map(([name, field]) => [field.number, { name, ...field }]));
  const result: Record<string, unknown> = {};
  const end = reader.pos + length;
  if (end > reader.len) throw new RangeError(`${message.name} is cut off`);
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    const field = fields.get(number);
    if (field === undefined) {
      reader.skip(wireType, number);
      continue;
    }
    const value = readField(reader, field.type, wireType, `${message.name}.${field.name}`);
    const before = result[field.name];
    if (field.isRepeated !== true) result[field.name] = value;
    else result[field.name] = Array.isArray(before) ? [...before, value] : [value];
  }
  return result;
}

function readField(reader: BinaryReader, type: FieldType, wireType: WireType, what: string): unknown {
  const wanted = type === 'string' || type instanceof Message ? WireType.LengthDelimited : WireType.Varint;
  if (wireType !== wanted) throw new TypeError(`${what} has wire type ${wireType}`);
  if (type instanceof Message) return readMessage(reader, type, reader.uint32());
  if (type === 'string' || type === 'bool' || type === 'int32' || type === 'uint32') return reader[type]();
  const number = reader.int32();
  return Object.keys(type).find((name) => type[name] === number) ?? number;
}
