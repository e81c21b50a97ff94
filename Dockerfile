# The engine and its tools, in one static binary.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -o /wend ./cmd/wend && mkdir /empty

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /wend /usr/local/bin/wend
COPY --from=build --chown=nonroot:nonroot /src/examples/shop /workspace
COPY --from=build --chown=nonroot:nonroot /empty /data
# Mount your own workspace over /workspace and a volume on /data.
ENV WEND_DATA_DIR=/data WEND_HTTP=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/wend"]
CMD ["run", "-C", "/workspace"]
