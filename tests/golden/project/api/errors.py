"""What happens to exceptions that no view caught."""

import logging
import traceback

from api.responses import JsonResponse

log = logging.getLogger("harbour.api")


class ApiError(Exception):
    """An error that the caller caused and may read."""

    status = 400

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.message = message


class ParcelNotFound(ApiError):
    status = 404

    def __init__(self, parcel_id):
        super().__init__("parcel_not_found", f"there is no parcel {parcel_id}")


def handle_exception(request, error):
    """Turn an exception into a response: the caller's own as they are, all others as 500 without internals."""
    if isinstance(error, ApiError):
        return JsonResponse({"error": error.code, "message": error.message}, status=error.status)
    log.error("uncaught in %s: %s", request.path, "".join(traceback.format_exception(error)))
    return JsonResponse({"error": "internal", "message": "something went wrong"}, status=500)
