#![allow(clippy::cast_precision_loss, reason = "what is drawn is small")]

use proptest::prelude::*;

use super::*;

const GIB: u64 = 1 << 30;

fn percent(percent: u8) -> Percent {
    Percent::new(percent).expect("at most 100")
}

fn u32_of(value: u32) -> NonZeroU32 {
    NonZeroU32::new(value).expect("not zero")
}

/// Nobody, who asks for nothing.
fn nobody() -> Demand {
    Demand {
        waiting: 0,
        arrive_seconds: u32_of(1),
        streaming: Percent::ALL,
        poll_seconds: u32_of(1),
        reads_per_second: 0,
        seats: 0,
        seats_per_order: u32_of(2),
    }
}

fn means(safety: u8) -> Means {
    Means { node_memory_bytes: 8 * GIB, safety: percent(safety) }
}

/// Every figure the same.
fn figures(value: u64) -> Figures {
    let mut figures = Figures::default();
    for figure in Figure::ALL {
        figures.set(figure, NonZeroU64::new(value).expect("not zero"), Source::Assumed("a test"));
    }
    figures
}

fn with(figure: Figure, value: u64) -> Figures {
    let mut figures = Figures::default();
    figures.set(figure, NonZeroU64::new(value).expect("not zero"), Source::Assumed("a test"));
    figures
}

/// Daemons, where no number is enough more than any number.
fn count(plan: &Plan) -> u128 {
    plan.nodes.map_or(u128::MAX, |nodes| nodes.count.into())
}

fn any_demand() -> impl Strategy<Value = Demand> {
    let many = 0..20_000_000_u64;
    (many.clone(), 1..100_000_u32, 0..=100_u8, 1..100_u32, many.clone(), many, 1..20_u32).prop_map(
        |(waiting, arrive, streaming, poll, reads_per_second, seats, seats_per_order)| Demand {
            waiting,
            arrive_seconds: u32_of(arrive),
            streaming: percent(streaming),
            poll_seconds: u32_of(poll),
            reads_per_second,
            seats,
            seats_per_order: u32_of(seats_per_order),
        },
    )
}

proptest! {
    /// Who asks for more gets no less.
    #[test]
    fn more_of_anything_takes_no_fewer_nodes_and_no_less_time(
        demand in any_demand(), safety in 1..=100_u8, more in 0..5_000_000_u64, less in 0..100_000_u32,
    ) {
        let (means, known) = (means(safety), Figures::default());
        let plan = Plan::new(&demand, &means, &known);
        let sooner = u32_of(demand.arrive_seconds.get().saturating_sub(less).max(1));
        let oftener = u32_of(demand.poll_seconds.get().saturating_sub(less).max(1));
        for asked in [
            Demand { waiting: demand.waiting + more, ..demand },
            Demand { arrive_seconds: sooner, ..demand },
            Demand { poll_seconds: oftener, ..demand },
            Demand { reads_per_second: demand.reads_per_second + more, ..demand },
            Demand { seats: demand.seats + more, ..demand },
        ] {
            let greater = Plan::new(&asked, &means, &known);
            prop_assert!(count(&greater) >= count(&plan), "{asked:?}");
            prop_assert!(greater.orders.seconds >= plan.orders.seconds);
            prop_assert!(greater.signs.flush_seconds >= plan.signs.flush_seconds);
            if asked.arrive_seconds == demand.arrive_seconds {
                prop_assert!(greater.joins.seconds >= plan.joins.seconds);
            }
        }
    }

    /// What carries more needs no more.
    #[test]
    fn better_means_take_no_more_nodes(
        demand in any_demand(), safety in 1..=100_u8, worse in 0..100_u8, which in 0..Figure::ALL.len(), times in 1..9_u64,
    ) {
        let known = Figures::default();
        let plan = Plan::new(&demand, &means(safety), &known);
        let careful = means(safety.saturating_sub(worse).max(1));
        prop_assert!(count(&Plan::new(&demand, &careful, &known)) >= count(&plan) || plan.nodes.is_err());
        let larger = Means { node_memory_bytes: 16 * GIB, ..means(safety) };
        prop_assert!(count(&Plan::new(&demand, &larger, &known)) <= count(&plan));
        let figure = Figure::ALL[which];
        let changed = Plan::new(&demand, &means(safety), &with(figure, known.get(figure) * times));
        match figure {
            Figure::RestMemory | Figure::StreamMemory | Figure::PlaceMemory => {
                prop_assert!(count(&changed) >= count(&plan));
            }
            // More joins carried are more joins that the daemons take in, up to what the database is planned with.
            Figure::Joins => prop_assert!(changed.joins.seconds <= plan.joins.seconds),
            _ => prop_assert!(count(&changed) <= count(&plan)),
        }
    }

    /// The cores carry all of it at once, the memory of each what it is given.
    #[test]
    fn there_are_never_fewer_nodes_than_any_bound_asks_for(demand in any_demand(), safety in 1..=100_u8) {
        let (means, known) = (means(safety), Figures::default());
        let plan = Plan::new(&demand, &means, &known);
        let Ok(nodes) = plan.nodes else { return Ok(()) };
        prop_assert!(nodes.count >= 1);
        for share in plan.shares {
            prop_assert!(nodes.count >= share.nodes());
            let carried = u128::from(share.carried_per_second) * u128::from(nodes.count);
            prop_assert!(carried >= u128::from(share.asked_per_second), "{share:?}");
            prop_assert!(share.carried_per_second <= known.get(share.work.figure()));
        }
        let loads = plan.shares.iter().map(|share| share.asked_per_second as f64 / share.carried_per_second as f64);
        prop_assert!(loads.sum::<f64>() <= nodes.count as f64 + 1e-6);
        prop_assert!(nodes.memory_bytes <= means.node_memory_bytes * u64::from(safety) / 100);
        prop_assert!(nodes.streams * nodes.count >= demand.streaming.of(demand.waiting));
    }

    #[test]
    fn nothing_overflows(
        waiting: u64, reads_per_second: u64, seats: u64, memory: u64, figure in 1..=u64::MAX, streaming in 0..=100_u8,
        safety in 0..=100_u8,
    ) {
        let demand = Demand { waiting, reads_per_second, seats, streaming: percent(streaming), ..nobody() };
        let means = Means { node_memory_bytes: memory, safety: percent(safety) };
        for known in [figures(figure), figures(1), figures(u64::MAX), Figures::default()] {
            let plan = Plan::new(&demand, &means, &known);
            prop_assert!(plan.nodes.is_ok_and(|nodes| nodes.count >= 1) || plan.nodes.is_err());
        }
    }
}

#[test]
fn the_last_one_that_fits_needs_no_further_node() {
    let reads = |reads_per_second, safety| {
        let known = with(Figure::Reads, 1_000);
        count(&Plan::new(&Demand { reads_per_second, ..nobody() }, &means(safety), &known))
    };
    assert_eq!([0, 1, 1_000, 1_001, 2_000, 2_001].map(|asked| reads(asked, 100)), [1, 1, 1, 2, 2, 3]);
    assert_eq!([700, 701, 1_400, 1_401].map(|asked| reads(asked, 70)), [1, 2, 2, 3]);
}

#[test]
fn shares_of_one_node_add_up() {
    let mut known = with(Figure::Reads, 1_000);
    known.set(Figure::Tellings, NonZeroU64::new(1_000).expect("not zero"), Source::Assumed("a test"));
    known.set(Figure::Joins, NonZeroU64::new(1 << 40).expect("not zero"), Source::Assumed("a test"));
    let demand = |waiting, reads_per_second| Demand { waiting, reads_per_second, ..nobody() };
    let plan = |demand| Plan::new(&demand, &means(100), &known).nodes.expect("there is memory");
    // Half a node tells a hundred streams, the other half reads; what is left for a hundred joins is a rounding.
    assert_eq!(plan(demand(100, 499)).count, 1);
    let full = plan(demand(100, 501));
    assert_eq!((full.count, full.bottleneck), (2, Bottleneck::Cores(Work::Reading)));
}

#[test]
fn memory_is_full_to_the_last_stream() {
    // A byte at rest, a byte a place, a byte a stream.
    let mut known = figures(1);
    for figure in [Figure::Tellings, Figure::Joins] {
        known.set(figure, NonZeroU64::new(1 << 40).expect("not zero"), Source::Assumed("a test"));
    }
    let plan = |waiting, node_memory_bytes| {
        let means = Means { node_memory_bytes, safety: Percent::ALL };
        Plan::new(&Demand { waiting, ..nobody() }, &means, &known).nodes
    };
    assert_eq!(plan(10, 21).map(|nodes| (nodes.count, nodes.memory_bytes)), Ok((1, 21)));
    let two = plan(10, 20).expect("fits");
    assert_eq!((two.count, two.bottleneck, two.memory_bytes), (2, Bottleneck::Memory, 16));
    assert_eq!(plan(10, 12).map(|nodes| nodes.count), Ok(10));
    assert_eq!(plan(10, 11), Err(TooSmall { least_bytes: 12 }));
    let polls = Demand { waiting: 10, streaming: percent(0), ..nobody() };
    let means = Means { node_memory_bytes: 11, safety: Percent::ALL };
    assert!(Plan::new(&polls, &means, &known).nodes.is_ok());
}

#[test]
fn what_is_written_takes_the_database_its_time() {
    let demand = Demand { waiting: 7_001, seats: 2_801, arrive_seconds: u32_of(5), ..nobody() };
    let mut known = with(Figure::Joins, 1_000);
    known.set(Figure::Orders, NonZeroU64::new(200).expect("not zero"), Source::Assumed("a test"));
    known.set(Figure::Signs, NonZeroU64::new(100).expect("not zero"), Source::Assumed("a test"));
    let plan = Plan::new(&demand, &means(70), &known);
    assert_eq!(plan.joins, Written { count: 7_001, per_second: 700, seconds: 11 });
    assert_eq!(plan.orders, Written { count: 1_401, per_second: 140, seconds: 11 });
    assert_eq!(plan.signs, Signs { flush_seconds: 101, lapse_seconds: 303 });
    // Who comes slowly is not taken in sooner.
    let slow = Demand { arrive_seconds: u32_of(60), ..demand };
    assert_eq!(Plan::new(&slow, &means(70), &known).joins.seconds, 60);
}
