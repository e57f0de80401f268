"""Request bodies without a Content-Length: too long is 413, where Werkzeug 3.1 cuts them off and says nothing."""

from io import BytesIO
from typing import IO

import flask
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.utils import cached_property


class Request(flask.Request):
    """A request whose body is limited, also where its length is not known beforehand (chunked)."""

    @cached_property
    def stream(self) -> IO[bytes]:
        """Return the body; one without a Content-Length is read first."""
        limit = self.max_content_length
        if limit is None or self.content_length is not None or "wsgi.input_terminated" not in self.environ:
            return super().stream
        body = self.environ["wsgi.input"].read(limit + 1)
        if len(body) > limit:
            raise RequestEntityTooLarge
        return BytesIO(body)
