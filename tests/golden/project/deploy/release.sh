#!/bin/sh
# Build the image, push it, and roll it out one host at a time.
set -eu

version=$(git describe --tags)

build_image() {
    docker build -t "harbour:$version" .
}

roll_out() {
    for host in $HOSTS; do
        ssh "$host" "docker pull harbour:$version && systemctl restart harbour"
        wait_until_healthy "$host"
    done
}

wait_until_healthy() {
    until curl -fsS "http://$1:8080/health"; do sleep 1; done
}

build_image
roll_out
