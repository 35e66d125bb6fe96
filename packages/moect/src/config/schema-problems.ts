import type { ConfigProblem } from '@moect/core';
import { z } from 'zod';
import { didYouMean } from './did-you-mean.ts';
import { type KeyPath, problemAt, type SettingsOrigin } from './key-path.ts';

type Issue = z.core.$ZodIssue;

/** The keys that an object at a path may have. */
function knownKeys(root: z.ZodType, path: KeyPath): string[] {
  let schema = root;
  const unwrap = (type: z.ZodType): z.ZodType =>
    type instanceof z.ZodOptional ||
    type instanceof z.ZodExactOptional ||
    type instanceof z.ZodDefault ||
    type instanceof z.ZodPrefault
      ? unwrap(type.unwrap() as z.ZodType)
      : type;
  for (const key of path) {
    schema = unwrap(schema);
    if (schema instanceof z.ZodObject) schema = schema.shape[key as string] as z.ZodType;
    else if (schema instanceof z.ZodArray) schema = schema.element as z.ZodType;
  }
  schema = unwrap(schema);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function valueAt(root: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], root);
}

/** A value as JSON, at most so long that a message stays one: texts may be megabytes. */
function shortened(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}

function typeMessage(issue: Extract<Issue, { code: 'invalid_type' }>, value: unknown): string {
  const wanted = issue.expected === 'int' ? 'a whole number' : `of type ${issue.expected}`;
  if (value === undefined) return 'is missing';
  return `is ${shortened(value)}, must be ${wanted}`;
}

function messageOf(issue: Issue, value: unknown): string {
  const given = shortened(value);
  switch (issue.code) {
    case 'invalid_type':
      return typeMessage(issue, value);
    case 'invalid_value': {
      const names = issue.values.map(String);
      if (value === undefined) return `is missing; one of ${names.join(', ')}`;
      return `is ${given}, must be one of ${names.join(', ')}.${typeof value === 'string' ? didYouMean(value, names).replace(/ Known:.*/, '') : ''}`;
    }
    case 'too_small': {
      if (issue.origin === 'string' || issue.origin === 'array') return 'is empty';
      return `is ${given}, must be ${issue.inclusive === true ? `${issue.minimum} or more` : `above ${issue.minimum}`}`;
    }
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message;
    case 'too_big':
      return `is ${given}, must be ${issue.maximum} or less`;
    default:
      return issue.message;
  }
}

/** A value that a schema refused. */
export interface Refused {
  readonly error: z.ZodError;
  readonly schema: z.ZodType;
  /** As given. */
  readonly value: unknown;
}

/** Turns zod's issues into problems with path and line; each unknown key is one problem. */
export function schemaProblems({ error, schema, value }: Refused, origin: SettingsOrigin): ConfigProblem[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path as KeyPath;
    if (issue.code === 'unrecognized_keys') {
      const known = knownKeys(schema, path);
      return issue.keys.map((key) =>
        problemAt(origin, [...path, key], `is no known key.${didYouMean(key, known)}`),
      );
    }
    return [problemAt(origin, path, messageOf(issue, valueAt(value, path)))];
  });
}
