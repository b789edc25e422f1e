# The image of web, worker, clockwork and migrate. Built by compose.yaml.
FROM python:3.13-slim AS packages
WORKDIR /rounds
COPY requirements.lock .
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /rounds rounds && install -d -o rounds /rounds/var
COPY --from=packages /venv /venv
WORKDIR /rounds
COPY marketplace marketplace
COPY migrations migrations
COPY templates templates
COPY static static
ENV PATH=/venv/bin:$PATH PYTHONPATH=/rounds PYTHONUNBUFFERED=1 VAR_DIR=/rounds/var
USER rounds
CMD ["python", "-P", "-m", "marketplace.serve", "marketplace.app:create_app", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", \
     "--blocking-threads", "4", "--backpressure", "64", "--no-ws", "--respawn-failed-workers"]
