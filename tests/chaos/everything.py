"""All experiments, in the order of their numbers."""

from tests.chaos import (
    answers,
    broker,
    clocks,
    database,
    dialogues,
    disks,
    experiment,
    http_answers,
    http_killing,
    killing,
    killing_points,
    many,
)

FAMILIES = (
    killing,
    killing_points,
    broker,
    database,
    many,
    answers,
    dialogues,
    clocks,
    disks,
    http_answers,
    http_killing,
)
EXPERIMENTS = sorted(experiment.EXPERIMENTS, key=lambda each: each.code)
