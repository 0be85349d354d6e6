"""Run names: what a run is called when nobody named it, such as ``quiet-otter-412``.

Names are for people to tell runs apart, not to be unique: ids do that.
"""

from __future__ import annotations

import random
from typing import Final

_MANNERS: Final = (
    "amber ample brave brisk calm candid clever cosy crisp curious dapper deft eager early"
    " earnest fair fleet fond frank gentle glad golden grand hardy honest humble jolly keen"
    " kind lively lucid lucky mellow merry mild modest neat nimble noble patient placid plucky"
    " polite proud quick quiet rapid ready robust rosy serene sharp shiny silent sincere sleek"
    " smooth sober solid spry steady still stout subtle sunny sure swift tidy tranquil trusty"
    " upbeat vivid warm wise witty young zesty"
)
_CREATURES: Final = (
    "alpaca badger beaver bison bobcat camel caribou cheetah condor coyote crane cricket"
    " dolphin donkey eagle egret elk ermine falcon ferret finch fox gannet gazelle gecko"
    " gibbon goose grouse hare hawk hedgehog heron hornet ibex ibis impala jackal jaguar"
    " kestrel kiwi koala lark lemming lemur leopard llama lynx magpie marmot marten mole moose"
    " newt ocelot octopus oriole osprey otter owl panda parrot pelican penguin pigeon plover"
    " puffin quail rabbit raccoon raven robin salmon seal shrew sparrow squid stork swallow"
    " swan tapir tern thrush toad trout turtle viper vole walrus weasel whale wolf wombat wren"
    " yak zebra"
)
_generator: Final = random.SystemRandom()
"""Not the program's own generator: taking from it would change a seeded experiment."""


def new_run_name() -> str:
    """A fresh name: a manner, a creature and a number up to 999."""
    manner = _generator.choice(_MANNERS.split())
    creature = _generator.choice(_CREATURES.split())
    return f"{manner}-{creature}-{_generator.randrange(1000)}"
