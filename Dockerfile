# The ticket office's daemon, command line and terminal UI. `docker build -t tmd .`
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --workspace --release --locked --bins

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/tmd tmd && chmod 700 /var/lib/tmd
COPY --from=build /src/target/release/tmd /src/target/release/tmctl /src/target/release/tmtui /usr/local/bin/
USER tmd
VOLUME /var/lib/tmd
EXPOSE 8080 8081
HEALTHCHECK --interval=5s --timeout=6s --start-period=10s CMD ["tmd", "health", "--url", "http://127.0.0.1:8080"]
ENTRYPOINT ["tmd"]
CMD ["--data-dir", "/var/lib/tmd", "--listen", "0.0.0.0:8080", "--admin-listen", "0.0.0.0:8081"]
