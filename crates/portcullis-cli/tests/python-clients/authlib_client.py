"""authlib, as a Flask application uses it: a secret in the form, discovery, PKCE, and a nonce."""

import json
import os
import sys

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify

ISSUER, CALLBACK, HOME_PAGE = (os.environ[name] for name in ("ISSUER", "CALLBACK", "HOME_PAGE"))
SCOPE = "openid profile email read:reports offline_access"

app = Flask(__name__)
app.secret_key = "for a test"
oauth = OAuth(app)
tenant = oauth.register(
    "tenant",
    server_metadata_url=f"{ISSUER}.well-known/openid-configuration",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    client_kwargs={
        "scope": SCOPE,
        "code_challenge_method": "S256",
        "token_endpoint_auth_method": "client_secret_post",
    },
    authorize_params={"audience": "https://expenses-api"},
)


@app.get("/login")
def login():
    return tenant.authorize_redirect(CALLBACK)


@app.get("/callback")
def callback():
    return jsonify(tenant.authorize_access_token())


def browse(url):
    """Opens `url` in the browser; returns where the browser ends."""
    print("open", url, flush=True)
    return sys.stdin.readline().strip()


browser = app.test_client()
end = browse(browser.get("/login").location)
tokens = browser.get(end.removeprefix(HOME_PAGE)).get_json()
claims = tokens["userinfo"]  # of the ID token, which authlib has checked

with app.app_context():
    userinfo = tenant.userinfo(token=tokens)
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refreshed = tenant.fetch_access_token(**refresh)
    token = refreshed.get("refresh_token", tokens["refresh_token"])
    metadata = tenant.load_server_metadata()
    with tenant._get_oauth_client(**metadata) as session:
        # By HTTP Basic, whatever it does at the token endpoint.
        answer = session.revoke_token(metadata["revocation_endpoint"], token, "refresh_token")
        answer.raise_for_status()
    try:
        tenant.fetch_access_token(**{**refresh, "refresh_token": token})
        refusal = None
    except OAuthError as error:
        refusal = error.error
    same_user = tenant.parse_id_token(refreshed, nonce=None)["sub"] == claims["sub"]

    with app.test_request_context():
        logout = tenant.logout_redirect(
            post_logout_redirect_uri=HOME_PAGE, id_token_hint=tokens["id_token"], state="bye"
        )

learned = {
    "id_token": {name: claims[name] for name in ("iss", "aud", "email", "name")},
    "userinfo": {name: userinfo[name] for name in ("email", "name")},
    "scope": tokens.get("scope", SCOPE),
    "refreshed": {"same_user": same_user, "rotated": token != tokens["refresh_token"]},
    "after_revocation": refusal,
    "logged_out": browse(logout.location),
}
print(json.dumps(learned), flush=True)
