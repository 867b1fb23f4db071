# One image for every service: `docker run hummingbus services.portfolio` runs that one.
# The dependencies come from the lock file by hash, in a layer of their own that outlives changes of our code.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
ENV PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
COPY deploy/install.py deploy/
COPY requirements.lock requirements-test.lock pyproject.toml README.md ./
RUN python deploy/install.py run

FROM python:3.11-slim-bookworm
WORKDIR /app
RUN useradd --system --uid 10001 --user-group --no-create-home hummingbus
COPY --from=build /app /app
COPY shared shared
COPY services services
COPY hummingbus hummingbus
ENV PATH=/app/.venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m compileall -q shared services hummingbus
USER 10001:10001
ENTRYPOINT ["python", "-m"]
CMD ["hummingbus", "--help"]
