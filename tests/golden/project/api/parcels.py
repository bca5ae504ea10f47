"""The parcels' part of the HTTP interface."""

from api.errors import ApiError, ParcelNotFound
from api.responses import JsonResponse
from api.retry import retry

MAX_PAGE_SIZE = 100


@retry(attempts=3)
def load_parcel(database, parcel_id):
    """Read one parcel from the database."""
    row = database.fetch_one("SELECT * FROM parcels WHERE id = %s", parcel_id)
    if row is None:
        raise ParcelNotFound(parcel_id)
    return row


def list_parcels(request, database):
    """Answer one page of a customer's parcels, newest first."""
    size = int(request.query.get("size", 20))
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise ApiError("bad_page_size", f"size must be 1 to {MAX_PAGE_SIZE}")
    after = request.query.get("after")
    rows = database.fetch_all("SELECT * FROM parcels WHERE customer = %s AND id < %s", request.user, after)
    return JsonResponse({"parcels": rows[:size], "next": rows[size]["id"] if len(rows) > size else None})


def cancel_parcel(request, database, parcel_id):
    """Stop a delivery that has not left the depot."""
    parcel = load_parcel(database, parcel_id)
    if parcel["state"] != "waiting":
        raise ApiError("too_late", "the parcel is on its way")
    database.execute("UPDATE parcels SET state = 'cancelled' WHERE id = %s", parcel_id)
    return JsonResponse({"cancelled": parcel_id})
