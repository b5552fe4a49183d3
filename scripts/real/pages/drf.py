"""Django REST framework with its three ways to page, and one of them behind its throttle: drf.py PORT ROWS.json."""

import json
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings

PORT, ROWS = int(sys.argv[1]), Path(sys.argv[2])
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(ROWS.with_name("drf.sqlite"))}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    REST_FRAMEWORK={
        "UNAUTHENTICATED_USER": None,
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
)
django.setup()

# All of these need the settings.
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.generics import ListAPIView  # noqa: E402
from rest_framework.pagination import CursorPagination, LimitOffsetPagination, PageNumberPagination  # noqa: E402
from rest_framework.serializers import ModelSerializer  # noqa: E402
from rest_framework.throttling import AnonRateThrottle  # noqa: E402


class Airport(models.Model):
    iata = models.CharField(max_length=8)
    name = models.CharField(max_length=200)
    latitude = models.CharField(max_length=40)

    class Meta:
        app_label = "airports"


class AirportSerializer(ModelSerializer):
    class Meta:
        model = Airport
        fields = ["id", "iata", "name", "latitude"]


class Pages(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"


class Offsets(LimitOffsetPagination):
    default_limit = 50


class Cursors(CursorPagination):
    page_size = 50
    ordering = "id"


class Throttle(AnonRateThrottle):
    rate = "20/s"


class Airports(ListAPIView):
    queryset = Airport.objects.order_by("id")
    serializer_class = AirportSerializer
    throttle_classes = []
    pagination_class = Pages


urlpatterns = [
    path("page/", Airports.as_view()),
    path("offset/", Airports.as_view(pagination_class=Offsets)),
    path("cursor/", Airports.as_view(pagination_class=Cursors)),
    path("throttled/", Airports.as_view(throttle_classes=[Throttle])),
]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


with connection.schema_editor() as editor:
    editor.create_model(Airport)
Airport.objects.bulk_create(Airport(**row) for row in json.loads(ROWS.read_text(encoding="utf-8")))
make_server("127.0.0.1", PORT, get_wsgi_application(), Server, Quiet).serve_forever()
