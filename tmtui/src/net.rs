//! Carries commands out against the daemon: each in a task of its own, its answer an action again.

mod buy;
mod follow;
mod office;
mod organiser;

use std::sync::Arc;

#[cfg(debug_assertions)]
use crossterm::event::{Event, KeyCode};
use tmapi::order::OrderStatus;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::action::{Action, Buy, Command, Fetch, Follow, News, PlaceNews, SeatNews, Trouble};
pub use office::Office;

/// How many answers may wait to be taken in; who tells more waits.
pub const NEWS_BACKLOG: usize = 64;

/// The network's side of the program.
pub struct Net {
    office: Arc<Office>,
    news: mpsc::Sender<Action>,
    tasks: TaskTracker,
    over: CancellationToken,
    seats: CancellationToken,
    place: CancellationToken,
}

impl Net {
    pub fn new(office: Office, news: mpsc::Sender<Action>) -> Self {
        let over = CancellationToken::new();
        let (seats, place) = (over.child_token(), over.child_token());
        Self { office: Arc::new(office), news, tasks: TaskTracker::new(), over, seats, place }
    }

    /// Lets go of streams and questions, and waits for what changes something to be answered or written down.
    pub async fn close(self) {
        self.over.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Carries a command out; those for the terminal are none of its business.
    pub fn carry_out(&mut self, command: Command) {
        let office = Arc::clone(&self.office);
        match command {
            Command::Fetch(fetch) => self.ask(async move { fetched(&office, fetch).await }),
            Command::Follow(Follow::Seats(event)) => {
                self.seats.cancel();
                self.seats = self.over.child_token();
                self.listen(self.seats.clone(), follow::seats(office, event, self.news.clone()));
            }
            Command::Follow(Follow::Place(event, session)) => {
                self.place.cancel();
                self.place = self.over.child_token();
                self.listen(self.place.clone(), follow::place(office, event, session, self.news.clone()));
            }
            Command::Buy(what) => {
                let news = self.news.clone();
                // Never cut off in the middle: what was sent may have happened.
                self.tasks.spawn(async move { bought(&office, what, &news).await });
            }
            Command::Run(event, action) => self.ask(async move {
                let answer = office.run(&event, action).await;
                News::SaleChanged(event, answer.map(Box::new))
            }),
            Command::SetCapacity(event, capacity) => self.ask(async move {
                let answer = office.set_capacity(&event, capacity).await;
                News::SaleChanged(event, answer.map(Box::new))
            }),
            Command::Save { name, text } => self.ask(async move {
                let written = tokio::fs::write(&name, text).await;
                let trouble = |error| Trouble::new(format!("failed to write {name}: {error}"));
                News::Saved(written.map(|()| name.clone()).map_err(trouble))
            }),
            Command::Quit
            | Command::Suspend
            | Command::Bell
            | Command::Redraw
            | Command::Copy(_)
            | Command::Mouse(_) => {}
        }
    }

    /// Panics when a test asks for it: F9 in the loop, F10 in a task beside it.
    #[cfg(debug_assertions)]
    pub fn drill(&self, event: &Event) {
        let Event::Key(key) = event else { return };
        match key.code {
            KeyCode::F(9) if self.office.host.env("TMTUI_DRILL").is_some() => panic!("a drill in the loop"),
            KeyCode::F(10) if self.office.host.env("TMTUI_DRILL").is_some() => {
                self.tasks.spawn(async { panic!("a drill in a task") });
            }
            _ => {}
        }
    }

    fn ask(&self, question: impl Future<Output = News> + Send + 'static) {
        let news = self.news.clone();
        self.listen(self.over.clone(), async move {
            // The program may have ended meanwhile.
            let _ = news.send(Action::Told(question.await)).await;
        });
    }

    fn listen(&self, until: CancellationToken, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(async move {
            let _ = until.run_until_cancelled(work).await;
        });
    }
}

async fn fetched(office: &Office, fetch: Fetch) -> News {
    match fetch {
        Fetch::Events(words, from) => {
            let answer = office.events(&words, from.as_deref()).await;
            News::Events(words, answer)
        }
        Fetch::Event(event) => {
            let answer = office.event(&event).await.map(Box::new);
            News::Event(event, answer)
        }
        Fetch::House(event) => {
            let answer = office.house(&event).await.map(Arc::new);
            News::House(event, answer)
        }
        Fetch::Availability(event) => {
            let news = match office.availability(&event).await {
                Ok(view) => SeatNews::Snapshot(Box::new(view)),
                Err(trouble) => SeatNews::Failed(trouble),
            };
            News::Seats(event, news)
        }
        Fetch::CutOff => News::CutOff(office.cut_off()),
        Fetch::Tickets => News::Tickets(office.tickets().await),
        Fetch::Sale(event) => {
            let answer = office.sale(&event).await.map(Box::new);
            News::Sale(event, answer)
        }
        Fetch::Order(event, order) => {
            let answer = office.order(&event, order).await.map(Box::new);
            News::OrderSeen(event, answer)
        }
    }
}

async fn bought(office: &Office, what: Buy, news: &mpsc::Sender<Action>) {
    let tell = async |told: News| {
        let _ = news.send(Action::Told(told)).await;
    };
    match what {
        Buy::Join(event) => {
            let told = match office.join(&event).await {
                Ok(session) => PlaceNews::Now(Box::new(session)),
                Err(trouble) => PlaceNews::Refused(trouble),
            };
            tell(News::Place(event, told)).await;
        }
        Buy::Leave(event, session) => {
            let left = office.leave(&event, session).await;
            tell(News::Place(event, PlaceNews::Left(left))).await;
        }
        Buy::Confirm(mut confirm) => {
            let event = confirm.event.clone();
            if confirm.order.is_none() {
                match office.begin(&event, confirm.session).await {
                    // Of an earlier run: its seats are held already.
                    Ok(order) if order.status != OrderStatus::Pending => {
                        return tell(News::Order(event, Ok(Box::new(order)))).await;
                    }
                    Ok(order) => {
                        confirm.order = Some(order.order_id);
                        tell(News::Begun(event.clone(), Box::new(order))).await;
                    }
                    Err(trouble) => return tell(News::Order(event, Err(trouble))).await,
                }
            }
            let answer = office.confirm(*confirm).await;
            tell(News::Order(event, answer.map(Box::new))).await;
        }
        Buy::Finalize(event, order) => {
            let answer = office.finalize(&event, order).await;
            tell(News::Order(event, answer.map(Box::new))).await;
        }
        Buy::Cancel(event, order) => {
            let answer = office.cancel(&event, order).await;
            tell(News::Order(event, answer.map(Box::new))).await;
        }
        Buy::Resume => tell(News::Resumed(office.resume().await)).await,
    }
}
