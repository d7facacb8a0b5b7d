import { optional, type Shape, stringMap, struct } from './shape.ts';

export const event: Shape = struct('*events.Message', {
  Status: optional('string', 'status'),
  ID: optional('string', 'id'),
  From: optional('string', 'from'),
  Type: 'string',
  Action: 'string',
  Actor: struct('events.Actor', { ID: 'string', Attributes: stringMap }),
  Scope: optional('string', 'scope'),
  Time: optional('int', 'time'),
  TimeNano: optional('int', 'timeNano'),
});
