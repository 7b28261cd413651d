# The server as an image: no compiler, no shell at the entrance, no root.
#
#   docker build -t tokenry .
#   docker run -v tokenry:/data tokenry migrate
#   docker run -v tokenry:/data -p 127.0.0.1:6749:6749 tokenry
#
# Works with a read-only root: only /data is written to, and /tmp while a large body is read.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /build

# The dependencies, by hash. They change less often than the code, so they come first.
COPY requirements-uv.txt requirements.txt ./
RUN python -m pip install --no-cache-dir --root-user-action=ignore --require-hashes --requirement requirements-uv.txt \
 && python -m venv --without-pip /opt/tokenry \
 && uv pip install --python /opt/tokenry/bin/python --require-hashes --requirement requirements.txt

# The project, as the same wheel that a package index would serve; its build tools by hash too.
COPY pyproject.toml README.md LICENSE requirements-dev.txt ./
COPY app app
COPY migrations migrations
COPY kit/pytest_tokenry.py kit/pytest_tokenry.py
RUN uv build --wheel --build-constraints requirements-dev.txt --require-hashes \
 && uv pip install --python /opt/tokenry/bin/python --no-deps dist/*.whl

FROM python:3.13-slim
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin tokenry \
 && install --directory --owner=tokenry --group=tokenry --mode=0700 /data
COPY --from=build /opt/tokenry /opt/tokenry
ENV PATH=/opt/tokenry/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TOKENRY_HOST=0.0.0.0
USER 10001:10001
# Where the embedded database lies unless TOKENRY_DATABASE_URL, or the file that TOKENRY_DATABASE_URL_FILE names, says otherwise.
WORKDIR /data
VOLUME ["/data"]
EXPOSE 6749
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["tokenry", "healthcheck"]
ENTRYPOINT ["tokenry"]
CMD ["serve"]
