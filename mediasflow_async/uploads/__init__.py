"""A CSV file on its way to the server: any source, streamed as a multipart form."""

from __future__ import annotations

from mediasflow_async.uploads.contents import Content
from mediasflow_async.uploads.forms import MultipartBody, Progress, ProgressFailed, multipart
from mediasflow_async.uploads.sources import UploadSource, opened

__all__ = [
    "Content",
    "MultipartBody",
    "Progress",
    "ProgressFailed",
    "UploadSource",
    "multipart",
    "opened",
]
