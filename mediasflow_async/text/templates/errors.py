"""What can go wrong when a message is personalised. None of these shows the text of a message."""

from __future__ import annotations


class TemplateError(ValueError):
    """A message cannot be personalised: the platform answers with status 5 or refuses it."""


class MissingField(TemplateError):
    """Fields of the template are neither in the recipient nor in the defaults.

    Attributes:
        names: the missing fields, in the template's order.
    """

    def __init__(self, *names: str) -> None:
        self.names = names
        super().__init__(*names)

    def __str__(self) -> str:
        fields = ", ".join(self.names)
        return f"no value for {fields}: add it to the recipient's fields, or give it a default"


class PreviewNotInstalled(TemplateError):
    """The template needs its real engine, which the `[preview]` extra brings.

    Attributes:
        renderer: name of the renderer.
    """

    def __init__(self, renderer: str) -> None:
        self.renderer = renderer
        super().__init__(renderer)

    def __str__(self) -> str:
        return (
            f"this {self.renderer} template does more than show fields, which needs its engine: "
            "pip install 'mediasflow-async[preview]'"
        )
