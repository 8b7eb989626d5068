"""known.py URL ORGANISER_TOKEN_FILE CALLER: what the caller knows of a demo office, as settings of schemathesis.

A buyer who waits for E1, has an order of E4 under way and a ticket of another; the organiser knows the ids of the same.
"""

import json
import sys
import urllib.request

url, token_file, caller = sys.argv[1:]


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
seats = [seat for section in ask("/api/events/E4/seat-map")["sections"] for row in section["rows"] for seat in row["ids"]]
# Each caller has a seat of its own.
seat = seats[1 + (caller == "organiser")]
booked = ask("/api/bookings/E4", {"seats": [seat], "paymentToken": "tok_ok"}, buyer, f"known-{caller}")
order = ask("/api/orders", {"eventId": "E4"}, buyer, f"order-{caller}")

if caller == "organiser":
    with open(token_file, encoding="ascii") as file:
        token = file.read().strip()
else:
    token = buyer

known = {
    "path.eventId": "E4",
    "path.sessionId": joined["sessionId"],
    "path.orderId": order["orderId"],
    "path.ticketId": booked["tickets"][0]["ticketId"],
}
print(f'headers = {{ Authorization = "Bearer {token}" }}')
for name, value in known.items():
    print(f'parameters."{name}" = "{value}"')
