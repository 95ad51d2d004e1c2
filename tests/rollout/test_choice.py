"""Which target comes first, and when a second one is asked as well."""

import pytest

from halfopen.policy.options import Choice, HedgeOptions

TWO = '[routes.x]\ntargets = ["openai/gpt-4o-mini", "claude/claude-haiku-4-5"]\n'
ONE = '[routes.x]\ntargets = ["openai/gpt-4o-mini"]\n'
SAME = '[routes.x]\ntargets = ["openai/gpt-4o-mini", "openai/gpt-4o"]\n'


def options(configured, more):
    """The options of the route x."""
    return configured(more=more).snapshot.routes["x"].options


def test_by_default_the_order_is_the_files_and_nothing_is_hedged(configured):
    """Both are chosen on purpose only."""
    found = options(configured, TWO)
    assert (found.choice, found.weights, found.hedge.extra_load) == (Choice.ORDER, (), 0.0)


@pytest.mark.parametrize("choice", [choice for choice in Choice if choice is not Choice.WEIGHT])
@pytest.mark.parametrize("place", ["route", "defaults"])
def test_a_choice_comes_from_the_route_or_the_defaults(configured, place, choice):
    """Words of the file become the policy's own values."""
    line = f'choose = "{choice.value}"\n'
    more = TWO + line if place == "route" else f"[defaults]\n{line}{TWO}"
    assert options(configured, more).choice is choice


def test_the_route_has_the_last_word(configured):
    """What it says beats [defaults]."""
    more = f'[defaults]\nchoose = "fastest"\nhedge = 0.02\n{TWO}choose = "order"\nhedge = 0\n'
    found = options(configured, more)
    assert (found.choice, found.hedge) == (Choice.ORDER, HedgeOptions(0.0))


def test_weights_go_with_the_targets(configured):
    """One number for each, in their order."""
    found = options(configured, f'{TWO}choose = "weight"\nweights = [3, 0.5]\n')
    assert (found.choice, found.weights) == (Choice.WEIGHT, (3.0, 0.5))


def test_a_single_target_needs_no_weight(configured):
    """[defaults] may say weight for routes that have nothing to weigh."""
    found = options(configured, f'{ONE}choose = "weight"\n')
    assert (found.choice, found.weights) == (Choice.WEIGHT, (1.0,))


@pytest.mark.parametrize("place", ["route", "defaults"])
def test_hedging_comes_from_the_route_or_the_defaults(configured, place):
    """It is the share of tokens that hedges may add."""
    more = f"{TWO}hedge = 0.02\n" if place == "route" else f"[defaults]\nhedge = 0.02\n{TWO}"
    assert options(configured, more).hedge == HedgeOptions(extra_load=0.02)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param(
            f'{TWO}choose = "wieght"\n',
            'routes.x.choose: "wieght" is not one of cheapest, fastest, least_loaded, order, weight '
            '(did you mean "weight"?)',
            id="unknown choice",
        ),
        pytest.param(
            f'{TWO}choose = "weight"\nweights = [3]\n',
            "routes.x.weights: must be as many as the targets, 2, but are 1 "
            "(write one for each target, in their order)",
            id="too few weights",
        ),
        pytest.param(
            f'{TWO}choose = "order"\nweights = [3, 1, 1]\n',
            "must be as many as the targets, 2, but are 3",
            id="too many weights",
        ),
        pytest.param(
            f'{TWO}choose = "weight"\n',
            'routes.x.choose: choose = "weight" needs weights (add weights = [1, 1], one for each target)',
            id="no weights",
        ),
        pytest.param(
            f'[defaults]\nchoose = "weight"\n[routes.y]\ntargets = ["openai/m"]\n{TWO}weights = [1, 2]\n',
            'routes."gpt-4o-mini": choose = "weight" needs weights',
            id="no weights, by default",
        ),
        pytest.param(f"{TWO}weights = [3, -1]\n", "routes.x.weights[1]: must be at least 0", id="negative"),
        pytest.param(f"{TWO}weights = [3, 1001]\n", "must be at most 1000, but is 1001", id="too heavy"),
        pytest.param(f"{TWO}weights = [3, inf]\n", "must be a finite number", id="infinite"),
        pytest.param(f"{TWO}weights = 3\n", "routes.x.weights: must be an array", id="no array"),
        pytest.param(
            f'{TWO}choose = "weight"\nweights = ["a", 1]\n', "weights[0]: must be a number", id="word"
        ),
        pytest.param("[defaults]\nweights = [1]\n", "defaults.weights: unknown setting", id="for all routes"),
        pytest.param(f"{TWO}hedge = 0.21\n", "routes.x.hedge: must be at most 0.2, but is 0.21", id="hedge"),
        pytest.param("[defaults]\nhedge = -0.1\n", "defaults.hedge: must be at least 0", id="hedge below 0"),
        pytest.param(
            f"{TWO}hedge = true\n", "must be a number, but is true or false", id="hedge as a switch"
        ),
    ],
)
def test_a_choice_that_can_not_be_made_is_refused(problems, more, expected):
    """The message names the place and what to do, once."""
    (problem,) = problems(more=more)
    assert expected in problem


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param(
            f"{TWO}weights = [3, 1]\n",
            'routes.x.weights: choose = "order" looks at no weights',
            id="weights without their choice",
        ),
        pytest.param(
            f'{TWO}choose = "weight"\nweights = [0, 0]\n', "routes.x.weights: are all 0", id="all weights 0"
        ),
        pytest.param(
            '[routes.x]\ntargets = ["openai/gpt-4o-mini", "openai/brand-new"]\nchoose = "cheapest"\n',
            "routes.x.targets[1]: the price of openai/brand-new is not known, so it can't be chosen by its "
            'price (give input_price and output_price in [providers.openai.models."brand-new"])',
            id="unknown price",
        ),
        pytest.param(
            f"{ONE}hedge = 0.02\n", "routes.x.hedge: there is one target only", id="hedge with one target"
        ),
        pytest.param(
            f"{SAME}hedge = 0.02\n",
            "routes.x.hedge: all targets share one provider",
            id="hedge at one provider",
        ),
    ],
)
def test_a_choice_without_a_difference_is_a_warning(configured, more, expected):
    """It is told, and it is served all the same."""
    warnings = [str(warning) for warning in configured(more=more).warnings]
    assert any(expected in warning for warning in warnings), warnings


def test_hedging_by_default_without_a_place_to_go_is_one_warning(configured):
    """Routes that have no second provider are not blamed one by one for what [defaults] says."""
    text = (
        '[providers.openai]\ndialect = "openai"\nkey = "${OPENAI_API_KEY}"\n'
        f"[defaults]\nhedge = 0.02\n{SAME}[routes.y]\ntargets = ['openai/gpt-4o']\n"
    )
    warnings = [each for each in configured(text).warnings if "hedge" in each.place]
    assert [each.place for each in warnings] == ["defaults.hedge"]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(f"{TWO}hedge = 0.02\n", id="hedge with two providers"),
        pytest.param(f"[defaults]\nhedge = 0.02\n{ONE}", id="one route can hedge"),
        pytest.param(f"{ONE}hedge = 0\n", id="no hedge"),
        pytest.param(f'{TWO}choose = "cheapest"\n', id="known prices"),
        pytest.param('[routes.x]\ntargets = ["openai/new"]\nchoose = "cheapest"\n', id="nothing to choose"),
        pytest.param(f'{TWO}choose = "weight"\nweights = [1, 0]\n', id="a stand-in of weight 0"),
        pytest.param(f'{TWO}choose = "fastest"\n', id="fastest"),
    ],
)
def test_a_sound_choice_has_no_warning(configured, more):
    """Warnings are worth reading because there are none without a reason."""
    places = [each.place for each in configured(more=more).warnings if "stand in" not in each.message]
    assert places == []


def test_a_given_price_settles_the_choice(configured):
    """The warning's hint works."""
    more = (
        '[routes.x]\ntargets = ["openai/gpt-4o-mini", "openai/brand-new"]\nchoose = "cheapest"\n'
        "[providers.openai.models.brand-new]\ninput_price = 1\noutput_price = 2\n"
    )
    assert not any("price" in each.message for each in configured(more=more).warnings)


def test_choice_and_hedge_are_part_of_the_snapshots_id(configured):
    """And weights that nobody looks at are not."""
    lines = (
        "",
        "hedge = 0.01",
        'choose = "fastest"',
        'choose = "weight"\nweights = [1, 2]',
        "weights = [1, 2]",
    )
    ids = [configured(more=TWO + line).snapshot.id for line in lines]
    assert len(set(ids)) == 4
    assert ids[0] == ids[-1]
