"""Django REST framework's own throttle, 50 in any 5 s; refused requests do not count, and are told when to come back."""

import django
from counted import counted
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    REST_FRAMEWORK={"UNAUTHENTICATED_USER": None, "DEFAULT_AUTHENTICATION_CLASSES": []},
)
django.setup()

# Both need the settings.
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.throttling import AnonRateThrottle  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class Throttle(AnonRateThrottle):
    rate = "50/5s"

    def parse_rate(self, rate: str) -> tuple[int, int]:
        """The framework's own spelling has no period of several seconds."""
        return 50, 5


class Item(APIView):
    throttle_classes = [Throttle]

    def get(self, _: Request, number: int) -> Response:
        return Response({"id": number})


urlpatterns = [path("items/<int:number>", Item.as_view())]
application = counted(get_wsgi_application())
