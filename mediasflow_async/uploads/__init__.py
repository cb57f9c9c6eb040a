"""A CSV file on its way to the server: any source, as a form of known length, streamed."""

from __future__ import annotations

from mediasflow_async.uploads.contents import (
    Content,
    ContentFile,
    MultipartBody,
    Progress,
    ProgressFailed,
    multipart,
)
from mediasflow_async.uploads.sources import UploadSource, opened

__all__ = [
    "Content",
    "ContentFile",
    "MultipartBody",
    "Progress",
    "ProgressFailed",
    "UploadSource",
    "multipart",
    "opened",
]
