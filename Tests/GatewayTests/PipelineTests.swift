// The gateway's tests.
