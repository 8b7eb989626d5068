//! Who comes to a rehearsal, when, and how they behave.

use serde::Serialize;

use super::Dice;

/// How somebody buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Habit {
    /// Knows what to do, and does it at once.
    Eager,
    /// Thinks a while before every step.
    Ditherer,
    /// Goes away in the middle, sometimes without a word.
    Abandoner,
    /// Sends everything twice at once, as impatient clicks and bad connections do.
    Retrier,
    /// Orders without waiting to be let in.
    Bot,
    /// Has several tabs open, and begins an order in each.
    Tabs,
    /// Has a card that takes its time.
    SlowPayer,
    /// Has a card that is declined, and another.
    Declined,
    /// Has a card whose answers get lost on their way.
    Lost,
    /// Holds seats and comes to pay when the time is up.
    Late,
    /// Writes down the simplest keys, and takes one for something else by mistake.
    Careless,
    /// Tells the office in the payment provider's name that a declined card was good.
    Forger,
}

impl Habit {
    /// Every habit, and how many of a hundred have it.
    pub const SHARES: [(Self, u64); 12] = [
        (Self::Eager, 28),
        (Self::Ditherer, 15),
        (Self::Abandoner, 8),
        (Self::Retrier, 10),
        (Self::Bot, 5),
        (Self::Tabs, 7),
        (Self::SlowPayer, 6),
        (Self::Declined, 6),
        (Self::Lost, 5),
        (Self::Late, 4),
        (Self::Careless, 4),
        (Self::Forger, 2),
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eager => "eager",
            Self::Ditherer => "ditherer",
            Self::Abandoner => "abandoner",
            Self::Retrier => "retrier",
            Self::Bot => "bot",
            Self::Tabs => "tabs",
            Self::SlowPayer => "slow payer",
            Self::Declined => "declined card",
            Self::Lost => "lost answers",
            Self::Late => "late",
            Self::Careless => "careless",
            Self::Forger => "forger",
        }
    }

    /// Whether it comes to buy and pay.
    #[must_use]
    pub const fn pays(self) -> bool {
        !matches!(self, Self::Abandoner | Self::Bot | Self::Late | Self::Forger)
    }

    fn drawn(dice: &mut Dice, bots_percent: u64) -> Self {
        if dice.chance(bots_percent) {
            return Self::Bot;
        }
        let humans = || Self::SHARES.into_iter().filter(|(habit, _)| *habit != Self::Bot);
        let mut left = dice.below(humans().map(|(_, share)| share).sum());
        for (habit, share) in humans() {
            if left < share {
                return habit;
            }
            left -= share;
        }
        Self::Eager
    }
}

/// Somebody of the crowd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The number, from 0.
    pub number: u32,
    /// How they buy.
    pub habit: Habit,
    /// When they come, milliseconds after the doors open.
    pub arrives_millis: u64,
    /// How many seats they want.
    pub seats: u32,
    /// For whatever they decide on their way.
    pub seed: u64,
}

/// What a crowd is to be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// How many come.
    pub buyers: u32,
    /// What everything is drawn from.
    pub seed: u64,
    /// Within how many milliseconds they come; half of them in the first sixth.
    pub rush_millis: u64,
    /// How many of a hundred order without waiting to be let in.
    pub bots_percent: u64,
    /// How many seats there are: those who pay want a half more together, as far as an order may go.
    pub seats: u32,
    /// The most seats of one order.
    pub per_order: u32,
}

impl Crowd {
    /// Everybody, in the order of their numbers.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        let mut dice = Dice::new(self.seed);
        let mut members: Vec<_> = (0..self.buyers).map(|number| self.member(number, &mut dice)).collect();
        let payers = members.iter().filter(|member| member.habit.pays()).count() as u64;
        for member in &mut members {
            member.seats = self.wish(payers.max(1), &mut dice);
        }
        members
    }

    fn member(&self, number: u32, dice: &mut Dice) -> Member {
        let habit = Habit::drawn(dice, self.bots_percent.min(100));
        // A product of even numbers comes early more often than late, as people do when doors open.
        let (first, second) = (dice.below(self.rush_millis.max(1)), dice.below(self.rush_millis.max(1)));
        let arrives_millis = first.min(second) * second.max(1) / self.rush_millis.max(1);
        Member { number, habit, arrives_millis, seats: 1, seed: dice.roll() }
    }

    /// Around the mean that sells everything and a half more: up to two seats fewer or more.
    fn wish(&self, payers: u64, dice: &mut Dice) -> u32 {
        let wanted = u64::from(self.seats) * 3 / 2;
        let mean = wanted / payers + u64::from(dice.below(payers) < wanted % payers);
        let spread = mean.saturating_sub(1).min(2);
        let wish = mean - spread + dice.below(2 * spread + 1);
        u32::try_from(wish).unwrap_or(u32::MAX).clamp(1, self.per_order.max(1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn crowd(buyers: u32, seed: u64) -> Crowd {
        Crowd { buyers, seed, rush_millis: 30_000, bots_percent: 5, seats: 10_000, per_order: 8 }
    }

    #[test]
    fn shares_make_a_hundred() {
        assert_eq!(Habit::SHARES.iter().map(|(_, share)| share).sum::<u64>(), 100);
    }

    #[test]
    fn a_crowd_has_every_habit_about_as_often_as_it_should() {
        let members = crowd(10_000, 1).members();
        for (habit, share) in Habit::SHARES {
            let count = members.iter().filter(|member| member.habit == habit).count() as u64;
            assert!((share * 85..=share * 115).contains(&count), "{habit:?}: {count}");
        }
        let early = members.iter().filter(|member| member.arrives_millis < 5_000).count();
        assert!((4_500..6_500).contains(&early), "{early} of 10,000 in the first sixth");
    }

    #[test]
    fn payers_want_more_than_there_is() {
        let members = crowd(2_000, 3).members();
        let wanted: u32 = members.iter().filter(|one| one.habit.pays()).map(|one| one.seats).sum();
        assert!((12_000..15_000).contains(&wanted), "{wanted}");
    }

    proptest! {
        #[test]
        fn the_same_seed_is_the_same_crowd(buyers in 0_u32..200, seed: u64) {
            prop_assert_eq!(crowd(buyers, seed).members(), crowd(buyers, seed).members());
        }

        #[test]
        fn a_crowd_keeps_to_its_bounds(
            buyers in 0_u32..200, seed: u64, rush_millis in 0_u64..100_000, bots_percent in 0_u64..200,
            seats in 0_u32..100_000, per_order in 0_u32..20,
        ) {
            let members = Crowd { buyers, seed, rush_millis, bots_percent, seats, per_order }.members();
            prop_assert_eq!(members.len(), buyers as usize);
            for (number, member) in (0_u32..).zip(&members) {
                prop_assert_eq!(member.number, number);
                prop_assert!(member.arrives_millis <= rush_millis);
                prop_assert!((1..=per_order.max(1)).contains(&member.seats));
                prop_assert!(bots_percent < 100 || member.habit == Habit::Bot);
            }
        }
    }
}
