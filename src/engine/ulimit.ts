export interface Ulimit {
  name: string;
  soft: number;
  hard: number;
}
