"""Votes of thin things: neighbours agree, and each frame tells the other what it knows."""

import torch

from core.sdl.methods.thin_structures.hough_voting import (
    VOTING,
    dilate_messages,
    keep_confident,
    list_shifts,
    propagate_beliefs,
    transfer_motion,
)

SIDE = 7
SHIFTS = list_shifts(SIDE // 2, torch.zeros(1))


def at(right: int, down: int) -> int:
    """The index of a shift."""
    return int((torch.tensor([right, down]) == SHIFTS).all(1).nonzero())


def wire(tiles: int = 9) -> torch.Tensor:
    """Votes (49, 3, tiles) for a plain wire along the tiles of the middle row, which has gone by (1, 2)."""
    votes = torch.zeros(SIDE * SIDE, 3, tiles)
    for right in range(-3, 4):
        votes[at(right, 2), 1] = 10.0 + 0.05 * (right == -3)
    # A wire that slides along itself has left its ends.
    for right in range(-3, 4):
        if right != 1:
            votes[at(right, 2), 1, [0, -1]] = 4.0
    return votes


def test_the_ends_of_a_plain_wire_tell_its_middle_where_it_has_gone():
    votes = wire()
    alone = votes.argmax(0)
    assert alone[1, 0] == alone[1, -1] == at(1, 2) and (alone[1, 1:-1] == at(-3, 2)).all()
    together = propagate_beliefs(votes)
    assert (together[1] == at(1, 2)).all()
    assert torch.equal(together[[0, 2]], alone[[0, 2]]), "where nobody votes nothing is chosen"


def test_who_is_far_away_is_not_heard_and_who_differs_much_keeps_its_own():
    votes = wire(4)
    apart = torch.zeros(SIDE * SIDE, 3, 9)
    apart[:, :, 5:] = votes
    apart[at(-2, -3), 1, :3] = 10.0
    together = propagate_beliefs(apart)
    assert (together[1, :3] == at(-2, -3)).all() and (together[1, 5:] == at(1, 2)).all()


def test_few_votes_stay_as_they_are():
    votes = torch.rand(SIDE * SIDE, 4, 5, generator=torch.Generator().manual_seed(1)) * 0.4
    assert torch.equal(propagate_beliefs(votes), votes.argmax(0))
    # One that speaks, between others that do not.
    votes[at(2, 0), 2, 2] = 3 * VOTING.half_confidence
    assert propagate_beliefs(votes)[2, 2] == at(2, 0)


def test_loosened_reaches_one_step_around():
    maps = torch.zeros(2, 5, 6)
    maps[0, 2, 3], maps[1, 0, 0] = 2.0, 1.0
    wide = dilate_messages(maps)
    row = torch.tensor([VOTING.step_decay, 1.0, VOTING.step_decay])
    assert torch.allclose(wide[0, 1:4, 2:5], 2 * row * row[:, None]) and (wide[0] > 0).sum() == 9
    assert torch.allclose(wide[1, :2, :2], row[1:] * row[1:, None]) and (wide[1] > 0).sum() == 4


def test_what_one_frame_knows_is_believed_in_the_other_if_it_looks_alike_there():
    source, target = torch.full((1, 3, 24, 40), 0.5), torch.full((1, 3, 24, 40), 0.5)
    source[..., 4:20, 10], target[..., 4:20, 17] = 0.1, 0.1
    way = torch.zeros(1, 3, 24, 40)
    way[0, :, 4:20, 10] = torch.tensor([7.0, 0.0, 0.9])[:, None]
    told = transfer_motion(source, target, way)
    assert torch.allclose(told[0, :, 4:20, 17], torch.tensor([-7.0, 0.0, 0.9])[:, None].expand(3, 16), atol=1e-4)
    assert told[0, 2].sum() == told[0, 2, 4:20, 17].sum()
    believed = keep_confident(torch.zeros(1, 3, 24, 40), told)
    assert torch.equal(believed[:, 2], told[:, 2]) and (believed[0, 0, 4:20, 17] == told[0, 0, 4:20, 17]).all()
    # An own way that is about as sure stays.
    own = torch.zeros(1, 3, 24, 40)
    own[0, :, 4:20, 17] = torch.tensor([-6.0, 1.0, 0.8])[:, None]
    assert (keep_confident(own, told)[0, :2, 4:20, 17] == own[0, :2, 4:20, 17]).all()
    way[0, 0] = 3.0
    assert transfer_motion(source, target, way)[0, 2].max() < 0.01, "where it leads the picture is another"
