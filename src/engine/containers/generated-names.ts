// Names for containers that were given none: a mood and something seen from a dockyard.
import { randomInt } from 'node:crypto';

const moods = (
  'able agile amber ample ardent artful awake balmy bold brave breezy bright brisk calm candid careful cheerful chilly civil ' +
  'clear clever cosy crisp curious daring deft eager earnest easy fair fearless festive fine firm fluent fond frank free fresh ' +
  'gallant gentle glad golden grand handy happy hardy hearty honest hopeful humble jolly jovial keen kind lively loyal lucid ' +
  'lucky mellow merry mighty mild modest neat nimble noble patient placid plucky polite proud quick quiet ready rosy sandy ' +
  'serene sharp silent silver sincere smart snug sober solid sound spry stable steady stoic sturdy sunny swift tender tidy ' +
  'tranquil trim trusty upbeat valiant vivid warm wise witty zesty'
).split(' ');

const sights = (
  'albatross anchor barge barnacle beacon bollard boom bow breakwater brig buoy cannery canoe captain catamaran clipper coble ' +
  'compass cormorant coxswain crane crate cutter davit deck dinghy dolphin dory eddy estuary fathom ferry fender fjord foghorn ' +
  'frigate galleon galley gannet gangway gull gunwale hawser harbor headland helm heron hull islet jetty junk kayak keel ketch ' +
  'lagoon lantern launch lighter lighthouse lock longboat lugger mainsail mariner marlin mast mooring navigator oar osprey ' +
  'paddle pelican pier pilot pinnace porthole prow puffin quay raft reef rigger rope rudder sail sailor schooner seal sextant ' +
  'shipwright shoal skiff skipper slipway sloop spar spinnaker starboard stern stevedore strait tern tide tiller trawler tug ' +
  'turtle walrus warehouse wharf whaler winch windlass yacht yawl'
).split(' ');

const pick = (words: readonly string[]) => words[randomInt(words.length)]!;

export function generateName(taken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const name = `${pick(moods)}_${pick(sights)}${attempt < 6 ? '' : randomInt(10 ** Math.min(attempt - 5, 9))}`;
    if (!taken(name)) return name;
  }
}
