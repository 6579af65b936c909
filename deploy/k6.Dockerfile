# k6 for the profile `load`, from a program that is already there (its folder is the build's context): no image registry
# is asked. It must be linked statically: CGO_ENABLED=0 go install go.k6.io/k6/v2@latest
FROM scratch
COPY k6 /usr/bin/k6
USER 10001:10001
ENTRYPOINT ["/usr/bin/k6"]
