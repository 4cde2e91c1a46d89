"""The order of a step whose programs share rows: what is done before others are told, while waiting, and after."""

import pytest

from seqmodels.engine.cuda.cooperation import Arrive, Finish, Give, GiveEarly, GivePart, Multiply, Reduce, Wait


def actions(direction):
    plan = direction.cooperative.plan
    assert plan.arrivals == kinds(plan.actions).count("Arrive")
    return plan.actions


def kinds(found):
    return [type(action).__name__ for action in found]


def between(found, first, last):
    """What is done from one action to another."""
    return found[found.index(first) + 1 : found.index(last)]


def test_an_lstm_waits_for_the_state_and_gives_the_next_before_all_else(directions):
    found = actions(directions("lstm", 20)[0])
    assert kinds(found[:5]) == ["Wait", "Multiply", "Finish", "GiveEarly", "Arrive"]
    assert set(kinds(found[5:])) == {"Finish"}
    assert found[2].store.place.kind == "new"


def test_the_way_back_gives_gradients_of_the_gates(directions):
    found = kinds(actions(directions("lstm", 20)[1]))
    assert found[:5] == ["Give", "Give", "Give", "Give", "Arrive"]
    assert found.index("Multiply") > found.index("Wait")


def test_a_product_of_tanh_of_the_state_is_computed_while_others_arrive(directions):
    """Of mut3: W_hz tanh(h) needs nothing of this step, W_hh (r * h) does."""
    found = actions(directions("mut3", 20)[0])
    (given,) = [action for action in found if isinstance(action, Give)]
    meanwhile = between(found, found[found.index(given) + 1], Wait(1))
    assert any(isinstance(action, Multiply) for action in meanwhile)
    assert GiveEarly() in found


def test_nothing_is_reduced_before_all_have_given_their_parts(directions):
    for direction in directions("layer norm lstm", 20):
        found = actions(direction)
        for action in found:
            if isinstance(action, Reduce):
                part = found.index(GivePart(action.reduction))
                between_them = found[part : found.index(action)]
                assert any(isinstance(each, Arrive) for each in between_them)
                assert any(isinstance(each, Wait) for each in between_them)


@pytest.mark.parametrize("cell", ["lstm", "gru", "mut3", "layer norm lstm", "rhn", "lstmp"])
def test_every_wait_follows_as_many_arrivals(cell, directions):
    """Else a program would wait for ever: for its own arrival at the latest."""
    for direction in directions(cell, 20):
        arrived = 0
        for action in actions(direction):
            arrived += isinstance(action, Arrive)
            if isinstance(action, Wait):
                assert action.arrivals == arrived


@pytest.mark.parametrize("cell", ["lstm", "mut3", "layer norm lstm", "scrn", "ctrnn"])
def test_everything_is_done_once(cell, directions):
    for direction in directions(cell, 20):
        found = actions(direction)
        products = [action.product.buffer for action in found if isinstance(action, Multiply)]
        places = [action.store.place for action in found if isinstance(action, Finish)]
        places += [action.place for action in found if isinstance(action, Give)]
        assert len(set(products)) == len(products)
        assert len(set(places)) == len(places)
