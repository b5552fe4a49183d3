"""Flask-Limiter's moving window, 50 in any 5 s; refused requests do not count, and nothing is said."""

from counted import counted
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

app = Flask(__name__)
Limiter(
    get_remote_address,
    app=app,
    default_limits=["50 per 5 seconds"],
    storage_uri="memory://",
    strategy="moving-window",
)


@app.get("/items/<int:number>")
def item(number: int) -> dict[str, int]:
    return {"id": number}


application = counted(app.wsgi_app)
