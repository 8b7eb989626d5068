"""known.py URL ORGANISER_TOKEN_FILE FOLDER: what one has to know of a demo office to ask it sensibly.

Makes a buyer who waits for E1, has an order of E4 under way and a ticket of another. Writes, for each caller, what it
knows as settings of schemathesis; and the description with examples of what there is, so that some requests succeed.
"""

import json
import pathlib
import sys
import urllib.request

url, token_file, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])


def ask(path, body=None, token=None, key=None):
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    if key:
        headers["idempotency-key"] = key
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url + path, data, headers)) as answer:
        return json.load(answer)


joined = ask("/api/waiting-room/sessions", {"eventId": "E1"})
buyer = joined["accessToken"]
sections = ask("/api/events/E4/seat-map")["sections"]
seats = [seat for section in sections for row in section["rows"] for seat in row["ids"]]
paid = ask("/api/bookings/E4", {"seats": seats[:1], "paymentToken": "tok_ok"}, buyer, "ticket")
order = ask("/api/orders", {"eventId": "E4"}, buyer, "order")

known = {
    "path.eventId": "E4",
    "path.sessionId": joined["sessionId"],
    "path.orderId": order["orderId"],
    "path.ticketId": paid["tickets"][0]["ticketId"],
}
callers = {"anonymous": None, "buyer": buyer, "organiser": token_file.read_text(encoding="ascii").strip()}
for caller, token in callers.items():
    lines = []
    if token:
        lines.append(f'headers = {{ Authorization = "Bearer {token}" }}')
        lines += [f'parameters."{name}" = "{value}"' for name, value in known.items()]
    (folder / f"{caller}.toml").write_text("".join(line + "\n" for line in lines), encoding="ascii")

EXAMPLES = {
    "CreateOrder": {"eventId": "E4", "sessionId": None},
    "JoinWaitingRoom": {"eventId": "E1"},
    "SeatsAndPayment": {"seats": seats[1:2], "paymentToken": "tok_ok"},
    "CheckTicket": {"code": paid["tickets"][0]["code"]},
    "BlockSeats": {"seats": seats[2:3]},
}
description = ask("/openapi.json")
for name, fields in EXAMPLES.items():
    properties = description["components"]["schemas"][name]["properties"]
    for field, value in fields.items():
        properties[field]["examples"] = [value]
(folder / "openapi.json").write_text(json.dumps(description), encoding="utf-8")
