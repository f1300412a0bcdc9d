"""What people and scripts are told of campaigns, on the command line as in the browser, and the service itself.

`gather` and `answers` know nothing of the web, and the command line uses them, too; FastAPI, uvicorn and Jinja2 are
imported by `app` and what it brings along.
"""
