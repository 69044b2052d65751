"""Scenarios: seeded, bounded, and each what it says it is."""

from __future__ import annotations

from itertools import islice, pairwise
from random import Random

import pytest

from otel_llm.demo import showcase
from otel_llm.demo.course import NAMES, Course
from otel_llm.demo.prices import PRICES, UNPRICED
from otel_llm.demo.scenarios import COURSE, SCENARIOS


def taken(name: str, seed: int = 1, count: int = 400):
    return list(islice(SCENARIOS[name].jobs(Random(seed)), count))


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_seed_gives_the_same_jobs(name):
    assert taken(name, 7, 50) == taken(name, 7, 50)
    assert taken(name, 7, 50) != taken(name, 8, 50)


def test_the_showcase_is_seeded_too():
    assert list(showcase.jobs(Random(3))) == list(showcase.jobs(Random(3)))


@pytest.mark.parametrize("name", [*SCENARIOS, "full"])
def test_every_model_has_a_price_but_the_one_that_is_to_have_none(name):
    jobs = list(showcase.jobs(Random(1))) if name == "full" else taken(name)
    assert {job.model for job in jobs} <= {*PRICES, UNPRICED}


def test_prompts_differ_where_no_duplicate_is_meant():
    prompts = [job.prompt for job in taken("normal")]
    assert len(set(prompts)) == len(prompts)


def failing(jobs, sdk: str) -> float:
    mine = [job for job in jobs if (job.api == "message") == (sdk == "anthropic")]
    return sum(job.replies[0].fails is not None for job in mine) / len(mine)


def test_incidents_hit_the_provider_that_they_name():
    assert failing(taken("normal"), "openai") == failing(taken("normal"), "anthropic") == 0
    assert failing(taken("storm"), "openai") > 0.5
    assert failing(taken("storm"), "anthropic") == 0
    assert failing(taken("outage"), "anthropic") > 0.7
    assert failing(taken("outage"), "openai") == 0


def test_a_storm_is_mostly_survived_by_retries():
    refused = [job for job in taken("storm") if job.replies[0].fails]
    assert {job.replies[0].fails for job in refused} == {"rate_limit"}
    assert 0.05 < sum(job.fails for job in refused) / len(refused) < 0.5


def test_the_spike_costs_dollars():
    spent = [
        sum(PRICES[job.model].dollars(job.replies[-1].usage).values())
        for name in ("normal", "spike")
        for job in taken(name, count=200)
    ]
    assert sum(spent[200:]) > 30 * sum(spent[:200])


def test_slow_is_slow_and_truncated_is_truncated():
    assert sum(job.replies[0].first_delay >= 0.6 for job in taken("slow")) > 100
    assert sum(job.replies[0].finish == "length" for job in taken("truncated")) > 60


def test_the_whole_course_takes_the_whole_time():
    assert sum(share for _, share in COURSE) == pytest.approx(1)
    phases = Course("all", 60, 1).phases
    assert [phase.name for phase in phases] == [name for name, _ in COURSE]
    assert phases[-1].end == pytest.approx(60)
    assert all(one.end == other.start for one, other in pairwise(phases))


@pytest.mark.parametrize("name", NAMES)
def test_a_course_ends_when_its_time_is_up(name):
    now = 0.0

    def clock() -> float:
        return now

    course = Course(name, 30, 1, clock=clock)
    for count, _ in enumerate(course.jobs()):
        now += 0.2
        assert count < 1000
    assert now >= 30
    assert course.phase.end == pytest.approx(30)


def test_an_unknown_scenario_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'strom'.*storm"):
        Course("strom", 1, 1)
